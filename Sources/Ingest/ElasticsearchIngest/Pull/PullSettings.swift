package import HTTPClient
import Ingest
import Timekeeping

/// One entry of `sources.elasticsearch`: what is read, from where, and how.
package struct PullSettings: Hashable, Sendable {
    /// Which product answers.
    package enum Product: String, Hashable, Sendable, CaseIterable {
        /// It is asked.
        case auto
        case elasticsearch
        case opensearch
    }

    /// Entries there may be.
    package static let sourcesMax = PullBoard.sourcesMax

    /// The source's name, and what its position is kept under.
    package var name: String
    /// Addresses of nodes of one cluster, without a slash at the end; another is taken when one fails.
    package var urls: [String]
    /// Names and patterns of indices, aliases or data streams, separated by commas.
    package var index: String
    /// A mapped date field that documents are read in the order of.
    package var timeField: String
    /// A query in JSON that documents must satisfy too; nil: all.
    package var query: String?
    package var authentication: PullAuthentication
    package var product: Product
    /// A field that no two documents share, for pages; nil: what the product has for it.
    package var tieBreak: String?
    package var interval: Duration
    /// How far back each read looks again for documents that became searchable late.
    package var overlap: Duration
    /// How far behind the clock each read ends.
    package var delay: Duration
    /// How far back the first read begins.
    package var lookback: Duration
    /// Documents a page.
    package var pageSize: Int
    /// Documents that are remembered, so that none is counted twice.
    package var documentsMax: Int
    /// How long the cluster keeps a point in time between two requests.
    package var keepAlive: Duration
    package var timeout: Duration
    /// Bytes of one answer.
    package var answerMax: Int
    /// Bytes of memory that the documents of one answer may take, by estimate.
    package var decodedMax: Int
    /// Certificates: nil for the system's.
    package var connection: HTTPConnectionOptions?

    package init(
        name: String,
        urls: [String],
        index: String,
        timeField: String = "@timestamp",
        query: String? = nil,
        authentication: PullAuthentication = .none,
        product: Product = .auto,
        tieBreak: String? = nil,
        interval: Duration = .seconds(10),
        overlap: Duration = .seconds(120),
        delay: Duration = .zero,
        lookback: Duration = .seconds(300),
        pageSize: Int = 1000,
        documentsMax: Int = 500_000,
        keepAlive: Duration = .seconds(60),
        timeout: Duration = .seconds(30),
        answerMax: Int = 64 << 20,
        decodedMax: Int = 256 << 20,
        connection: HTTPConnectionOptions? = nil
    ) {
        self.name = name
        self.urls = urls
        self.index = index
        self.timeField = timeField
        self.query = query
        self.authentication = authentication
        self.product = product
        self.tieBreak = tieBreak
        self.interval = interval
        self.overlap = overlap
        self.delay = delay
        self.lookback = lookback
        self.pageSize = pageSize
        self.documentsMax = documentsMax
        self.keepAlive = keepAlive
        self.timeout = timeout
        self.answerMax = answerMax
        self.decodedMax = decodedMax
        self.connection = connection
    }

    /// As it stands in the list of sources.
    package var source: String { "elasticsearch/\(name)" }

    /// How long without a whole read is still usual.
    package var patience: Duration { interval * 2 + .seconds(10) }
}

/// How requests prove who they are from; secrets are read from files at each read, so they may be renewed.
package enum PullAuthentication: Hashable, Sendable {
    case none
    case basic(user: String, passwordFile: String)
    /// A file with the key as Kibana shows it (Base64) or as `id:key`.
    case apiKey(file: String)
    case bearer(file: String)
    case signed(Signing)

    /// AWS Signature Version 4.
    package struct Signing: Hashable, Sendable {
        package enum Service: String, Hashable, Sendable, CaseIterable {
            /// OpenSearch Service's domains.
            case es
            /// OpenSearch Serverless's collections.
            case aoss
        }

        package var service: Service
        /// Nil: the environment's.
        package var region: String?
        package var roleARN: String?
        package var externalID: String?

        package init(
            service: Service,
            region: String? = nil,
            roleARN: String? = nil,
            externalID: String? = nil
        ) {
            self.service = service
            self.region = region
            self.roleARN = roleARN
            self.externalID = externalID
        }
    }
}
