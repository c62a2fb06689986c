import FoundationEssentials
import Timekeeping

/// A report in the API's own shape, which ArgoCD's notifications send by template.
///
/// | field | |
/// | --- | --- |
/// | `service`, `outcome` | required; the outcome in ArgoCD's or GitHub's words too |
/// | `id` or `started_at` | one is required: a report sent again must be known as the same |
/// | `environment` | `production` when absent |
/// | `finished_at` | now when absent |
/// | `revision`, `url`, `message` | for people |
struct DeployReport: Decodable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private static let keys = [
        "id", "service", "environment", "outcome", "started_at", "finished_at", "revision", "url",
        "message",
    ]

    private var fields: [String: String] = [:]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys {
            guard DeployReport.keys.contains(key.stringValue) else {
                throw DeployProblem(
                    "\"\(DeployText.shown(key.stringValue))\" is not a field of a deploy; the fields are "
                        + DeployReport.keys.joined(separator: ", ")
                )
            }
            if try container.decodeNil(forKey: key) { continue }
            do {
                fields[key.stringValue] = try container.decode(String.self, forKey: key)
            } catch {
                throw DeployProblem("\"\(key.stringValue)\" is not a string")
            }
        }
    }

    /// The release that is reported; it ended `now` if the report does not say when.
    func deploy(now: Timestamp) throws(DeployProblem) -> Deploy {
        let word = fields["outcome"] ?? ""
        guard let outcome = Deploy.Outcome(word: word) else {
            throw DeployProblem(
                "\"outcome\" is running, succeeded or failed, not \"\(DeployText.shown(word))\""
            )
        }
        let (started, finished) = (try time("started_at"), try time("finished_at"))
        guard let id = fields["id"] ?? started?.rfc3339 else {
            throw DeployProblem(
                "\"id\" or \"started_at\" is missing: without one a report that is sent again "
                    + "would count twice"
            )
        }
        var deploy = Deploy(
            id: id,
            service: fields["service"] ?? "",
            environment: fields["environment"] ?? "production",
            outcome: outcome,
            at: (outcome == .running ? started : finished) ?? now,
            startedAt: started
        )
        deploy.revision = fields["revision"] ?? ""
        deploy.url = fields["url"] ?? ""
        deploy.message = fields["message"] ?? ""
        return deploy
    }

    private func time(_ name: String) throws(DeployProblem) -> Timestamp? {
        // ArgoCD's template leaves an empty string or <no value> where there is no time yet.
        guard let text = fields[name], !text.isEmpty, text != "<no value>" else { return nil }
        guard let time = Timestamp(rfc3339: text) else {
            throw DeployProblem(
                "\"\(name)\" is a time such as 2026-11-24T14:02:00Z, not \"\(DeployText.shown(text))\""
            )
        }
        return time
    }
}

/// What is wrong with a report, and how to mend it.
struct DeployProblem: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// Texts of reports: within their lengths, and safe to show.
enum DeployText {
    /// Bytes of a name: a service, an environment, an id, a revision.
    static let nameMax = 200
    /// Bytes of an address.
    static let urlMax = 2000
    /// Bytes of a message; a longer one is cut.
    static let messageMax = 1000

    /// A report whose texts are all as they may be.
    static func checked(_ deploy: Deploy) throws(DeployProblem) -> Deploy {
        let names = [
            ("service", deploy.service, true), ("environment", deploy.environment, true),
            ("id", deploy.id, true), ("revision", deploy.revision, false),
        ]
        for (name, text, isRequired) in names {
            guard !isRequired || !text.isEmpty else {
                throw DeployProblem("\"\(name)\" is missing or empty")
            }
            guard text.utf8.count <= nameMax, !hasControls(text) else {
                throw DeployProblem(
                    "\"\(name)\" is at most \(nameMax) bytes without control characters"
                )
            }
        }
        let url = deploy.url
        guard url.isEmpty || url.hasPrefix("https://") || url.hasPrefix("http://"),
            url.utf8.count <= urlMax, !hasControls(url)
        else {
            throw DeployProblem(
                "\"url\" begins with http:// or https:// and is at most \(urlMax) bytes"
            )
        }
        var deploy = deploy
        deploy.message = shown(deploy.message, max: messageMax)
        return deploy
    }

    /// Somebody else's text, cut and on one line.
    static func shown(_ text: String, max: Int = 60) -> String {
        let line = String(text.unicodeScalars.map { isControl($0) ? " " : Character($0) })
        guard line.utf8.count > max else { return line }
        var cut = ""
        for character in line {
            guard cut.utf8.count + character.utf8.count <= max - 3 else { break }
            cut.append(character)
        }
        return cut + "..."
    }

    private static func hasControls(_ text: String) -> Bool {
        text.unicodeScalars.contains(where: isControl)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control
    }
}
