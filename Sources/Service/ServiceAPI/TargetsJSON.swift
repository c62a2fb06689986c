import APIModel
import Model
import ScrapeIngest
import Timekeeping

extension JSONWriter {
    /// The payload of `/api/v1/targets`: scraped targets as Prometheus gives them, then our other sources.
    ///
    /// - Parameters:
    ///   - scrapes: What is scraped.
    ///   - sources: Sources of other kinds, each as one target.
    ///   - state: `active`, `dropped` or anything else for both.
    ///   - pool: The one pool that is asked for; nil for all.
    mutating func targets(
        _ scrapes: ScrapeSnapshot,
        _ sources: [SourceDocument],
        state: String,
        pool: String?
    ) {
        object { writer in
            writer.key("activeTargets")
            writer.array { writer in
                guard state != "dropped" else { return }
                for target in scrapes.active where pool == nil || pool == target.pool {
                    writer.target(target)
                }
                for source in sources where source.on && (pool == nil || pool == source.name) {
                    writer.target(source)
                }
            }
            writer.key("droppedTargets")
            writer.array { writer in
                guard state != "active" else { return }
                for target in scrapes.dropped where pool == nil || pool == target.pool {
                    writer.object { writer in
                        writer.labels("discoveredLabels", target.discovered)
                        writer.field("scrapePool", target.pool)
                    }
                }
            }
            writer.key("droppedTargetCounts")
            writer.object { writer in
                guard state != "active" else { return }
                for (name, count) in scrapes.droppedCounts.sorted(by: { $0.key < $1.key })
                where pool == nil || pool == name { writer.field(name, raw: "\(count)") }
            }
        }
    }

    private mutating func labels(_ key: String, _ labels: LabelSet) {
        self.key(key)
        map(labels.labels.map { (key: $0.name, value: $0.value) })
    }

    private mutating func target(_ target: ScrapeSnapshot.Active) {
        object { writer in
            writer.labels("discoveredLabels", target.discovered)
            writer.labels("labels", target.labels)
            writer.field("scrapePool", target.pool)
            writer.field("scrapeUrl", target.url)
            writer.field("globalUrl", target.url)
            writer.field("lastError", target.lastError)
            writer.field("lastScrape", target.lastScrape?.rfc3339 ?? JSONWriter.never)
            writer.field("lastScrapeDuration", raw: "\(target.lastDuration.inSeconds)")
            let isUnknown = target.lastScrape == nil
            writer.field("health", isUnknown ? "unknown" : target.lastError.isEmpty ? "up" : "down")
            writer.field("scrapeInterval", target.interval.prometheusText)
            writer.field("scrapeTimeout", target.timeout.prometheusText)
        }
    }

    private mutating func target(_ source: SourceDocument) {
        object { writer in
            for key in ["discoveredLabels", "labels"] {
                writer.key(key)
                writer.map([(key: "job", value: source.name)])
            }
            writer.field("scrapePool", source.name)
            writer.field("scrapeUrl", "")
            writer.field("lastError", source.advice)
            writer.field("lastScrape", source.lastSuccess ?? JSONWriter.never)
            writer.field(
                "health",
                !source.advice.isEmpty ? "down" : source.lastSuccess == nil ? "unknown" : "up"
            )
        }
    }

    /// Go's zero time, as Prometheus writes a scrape that has not been.
    private static let never = "0001-01-01T00:00:00Z"
}
