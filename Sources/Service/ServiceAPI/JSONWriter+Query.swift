import Model
import PromQL
import PromQLSyntax
import Timekeeping

extension JSONWriter {
    /// A series' labels as an object.
    mutating func labels(_ labels: LabelSet) {
        map(labels.labels.lazy.map { (key: $0.name, value: $0.value) })
    }

    /// The data of a query's answer: `resultType` and `result`, the latter cut after `limit` series.
    mutating func queryData(_ value: QueryValue, at moment: Timestamp, limit: Int) {
        object { writer in
            switch value {
            case .scalar(let number):
                writer.field("resultType", "scalar")
                writer.single(PromQLNumber.text(number), at: moment)
            case .string(let text):
                writer.field("resultType", "string")
                writer.single(text, at: moment)
            case .vector(let samples):
                writer.field("resultType", "vector")
                writer.key("result")
                writer.array { writer in
                    for sample in samples.prefix(limit) {
                        writer.series(sample.labels, "value") { writer in
                            writer.point(Sample(moment, sample.value))
                        }
                    }
                }
            case .matrix(let series):
                writer.field("resultType", "matrix")
                writer.key("result")
                writer.array { writer in
                    for one in series.prefix(limit) {
                        writer.series(one.labels, "values") { writer in
                            writer.array { writer in
                                for sample in one.samples { writer.point(sample) }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The result of a scalar or string.
    private mutating func single(_ text: String, at moment: Timestamp) {
        key("result")
        array { writer in
            writer.raw(SampleText.shortTime(moment))
            writer.string(text)
        }
    }

    private mutating func series(
        _ labels: LabelSet,
        _ key: String,
        _ values: (inout JSONWriter) -> Void
    ) {
        object { writer in
            writer.key("metric")
            writer.labels(labels)
            writer.key(key)
            values(&writer)
        }
    }

    /// `[seconds, "value"]`.
    private mutating func point(_ sample: Sample) {
        array { writer in
            writer.raw(SampleText.time(sample.timestamp))
            writer.string(SampleText.value(sample.value))
        }
    }
}
