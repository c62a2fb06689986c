package import HTTPClient
import Telemetry
package import Timekeeping

/// Calls of AWS's query protocol to RDS, EC2 and Auto Scaling: a form out, XML back.
package struct QueryServiceClient: Sendable {
    /// A service with its version and names.
    package enum Service: String, Hashable, Sendable {
        case rds = "2014-10-31"
        case ec2 = "2016-11-15"
        case autoScaling = "2011-01-01"

        /// In signatures and host names.
        var name: String {
            switch self {
            case .rds: "rds"
            case .ec2: "ec2"
            case .autoScaling: "autoscaling"
            }
        }

        /// The variable that AWS's tools take another address from.
        var endpointVariable: String {
            switch self {
            case .rds: "AWS_ENDPOINT_URL_RDS"
            case .ec2: "AWS_ENDPOINT_URL_EC2"
            case .autoScaling: "AWS_ENDPOINT_URL_AUTO_SCALING"
            }
        }
    }

    /// Longest time for one exchange.
    package static let timeout = Duration.seconds(10)
    /// Longest reply that is read.
    package static let replyBytesMax = XMLReader.documentBytesMax

    private let region: String
    private let endpoint: String?
    private let environment: AWSEnvironment
    private let credentials: CredentialsCache
    private let pace: SharedPace
    private let http: any HTTPSending
    private let clock: any WallClock
    private let sleeper: any Sleeper
    private let counters: CloudWatchCounters
    private let ledger: SpendLedger

    /// - Parameters:
    ///   - region: Signs the requests and names the endpoints.
    ///   - endpoint: An address instead of AWS's own, for all services.
    ///   - environment: May name addresses for single services.
    ///   - credentials: Those of the metrics.
    ///   - pace: Shared by all calls of the account in the region.
    ///   - http: The way out.
    ///   - clock: Dates the signatures.
    ///   - sleeper: Waits for the pace.
    ///   - counters: The source's instruments.
    ///   - ledger: Counts the calls, which are free.
    package init(
        region: String,
        endpoint: String?,
        environment: AWSEnvironment,
        credentials: CredentialsCache,
        pace: SharedPace,
        http: any HTTPSending,
        clock: any WallClock,
        sleeper: any Sleeper,
        counters: CloudWatchCounters,
        ledger: SpendLedger
    ) {
        self.region = region
        self.endpoint = endpoint
        self.environment = environment
        self.credentials = credentials
        self.pace = pace
        self.http = http
        self.clock = clock
        self.sleeper = sleeper
        self.counters = counters
        self.ledger = ledger
    }

    /// Makes one call; what fails is tried again with the next round, minutes later.
    package func call(
        _ operation: CloudWatchOperation,
        of service: Service,
        _ fields: [(String, String)]
    ) async throws(CloudWatchError) -> XMLElement {
        let wait = pace.take(at: clock.now())
        if wait > .zero {
            do { try await sleeper.sleep(for: wait) } catch { throw .cancelled }
        }
        let keys: AWSCredentials
        do {
            keys = try await credentials.credentials()
        } catch {
            throw .credentials(error)
        }
        let address = address(of: service)
        let form = [("Action", operation.rawValue), ("Version", service.rawValue)] + fields
        let request = HTTPClientRequest(
            method: "POST",
            url: address.hasSuffix("/") ? address : address + "/",
            headers: [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
            body: Array(
                form.map { "\($0.0)=\(RequestSigner.percentEncoded($0.1))" }
                    .joined(separator: "&").utf8
            ),
            timeout: Self.timeout,
            replyMax: Self.replyBytesMax
        )
        let signer = RequestSigner(region: region, service: service.name)
        guard let signed = signer.signed(request, with: keys, at: clock.now()) else {
            throw .invalidEndpoint(address)
        }
        let reply: HTTPClientReply
        do {
            reply = try await http.send(signed)
        } catch .cancelled {
            throw .cancelled
        } catch {
            counters.request(operation.rawValue, outcome: "transport")
            throw .transport(error)
        }
        return try understood(reply, operation)
    }

    private func understood(
        _ reply: HTTPClientReply,
        _ operation: CloudWatchOperation
    ) throws(CloudWatchError) -> XMLElement {
        let document: XMLElement
        do {
            document = try XMLReader.read(reply.body)
        } catch {
            counters.request(operation.rawValue, outcome: "unreadable")
            throw .malformedReply(
                "\(operation.rawValue) answered \(reply.status) with no XML: \(error)"
            )
        }
        guard reply.status == 200 else {
            // EC2 has its errors one element deeper than the others.
            let error = document["Error"] ?? document["Errors"]?["Error"]
            let code = error?.text(at: "Code") ?? "HTTP\(reply.status)"
            let message = error?.text(at: "Message") ?? "no message"
            counters.request(
                operation.rawValue,
                outcome: CloudWatchError.outcome(code, message)
            )
            if CloudWatchError.isThrottling(code) {
                counters.throttled.add()
                pace.throttled()
            }
            throw .service(code: code, message: message, status: reply.status)
        }
        pace.succeeded()
        counters.request(operation.rawValue, outcome: "ok")
        ledger.record(operation)
        return document
    }

    private func address(of service: Service) -> String {
        if let named = environment[service.endpointVariable] ?? endpoint
            ?? environment["AWS_ENDPOINT_URL"]
        {
            return named
        }
        let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        return "https://\(service.name).\(region).\(domain)"
    }
}
