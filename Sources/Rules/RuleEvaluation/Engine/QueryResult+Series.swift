import Model
import PromQL

extension QueryResult {
    /// The answer as series: a scalar is one without labels.
    var series: [VectorSample] {
        get throws(QueryError) {
            switch value {
            case .vector(let samples): return samples
            case .scalar(let number): return [VectorSample(labels: LabelSet(), value: number)]
            case .string, .matrix:
                throw .execution("rule result is not a vector or scalar")
            }
        }
    }
}
