/// `GET /v1/slos`: every objective with its budget.
package struct SLOListDocument: Codable, Hashable, Sendable {
    package var slos: [BudgetDocument]

    package init(slos: [BudgetDocument]) { self.slos = slos }
}
