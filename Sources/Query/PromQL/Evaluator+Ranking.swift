import Model
import PromQLSyntax

extension Evaluator {
    /// `topk`, `bottomk`, `limitk` and `limit_ratio`: some of the input's own series.
    func ranked(
        _ node: Aggregation,
        _ parameters: [Double],
        _ input: Frame,
        _ grouped: GroupedTable
    ) -> Frame {
        var members = [[Int]](repeating: [], count: grouped.table.count)
        for row in 0..<input.count where input.hasValues(row) {
            members[Int(grouped.groups[row])].append(row)
        }
        if let order = order(input, grouped) { members = order.map { members[$0] } }
        let offsets =
            node.operation == .limitRatio
            ? input.labels.map { Double($0.prometheusHash) / Double(UInt64.max) } : []
        var result = input
        for index in result.values.indices { result.values[index] = Absent.value }
        var order: [Int] = []
        for step in 0..<grid.count {
            for group in members {
                let present = group.filter { input[$0, step].isPresent }
                let chosen = choose(node, parameters[step], present, input, step, offsets)
                for row in chosen { result[row, step] = input[row, step] }
                if grid.count == 1 { order += chosen }
            }
        }
        // Of an instant query the order is part of the answer.
        return grid.count == 1 ? result.selecting(order) : result
    }

    private func choose(
        _ node: Aggregation,
        _ parameter: Double,
        _ rows: [Int],
        _ input: Frame,
        _ step: Int,
        _ offsets: [Double]
    ) -> [Int] {
        switch node.operation {
        case .limitRatio:
            let ratio = min(1, max(-1, parameter))
            return rows.filter {
                ratio >= 0 ? offsets[$0] < ratio : offsets[$0] >= 1 + ratio
            }
        case .limitk: return Array(rows.prefix(count(parameter, rows)))
        default:
            let isTop = node.operation == .topk
            let sorted = rows.enumerated().sorted { a, b in
                let (x, y) = (input[a.element, step], input[b.element, step])
                if x.isNaN || y.isNaN {
                    // NaN comes last either way.
                    return x.isNaN == y.isNaN ? a.offset < b.offset : y.isNaN
                }
                if x == y { return a.offset < b.offset }
                return isTop ? x > y : x < y
            }
            return sorted.prefix(count(parameter, rows)).map(\.element)
        }
    }

    private func count(_ parameter: Double, _ rows: [Int]) -> Int {
        // Checked before to lie within 64 bits.
        parameter < 1 ? 0 : min(Int(parameter), rows.count)
    }
}
