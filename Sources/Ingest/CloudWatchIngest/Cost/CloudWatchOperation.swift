/// Every call that the source makes of AWS, and how AWS bills it.
package enum CloudWatchOperation: String, Hashable, Sendable, CaseIterable {
    case getMetricData = "GetMetricData"
    case getMetricStatistics = "GetMetricStatistics"
    case listMetrics = "ListMetrics"
    case describeDBInstances = "DescribeDBInstances"
    case describeDBClusters = "DescribeDBClusters"
    case describeDBParameters = "DescribeDBParameters"
    case describeDBClusterParameters = "DescribeDBClusterParameters"
    case describeInstanceTypes = "DescribeInstanceTypes"
    case describeAutoScalingGroups = "DescribeAutoScalingGroups"

    /// What a call is billed by.
    package enum Billing: Hashable, Sendable {
        /// Each metric requested, whatever the range and however many pages.
        case metrics
        /// Each request beyond those that are free in a month.
        case requests
        case free
    }

    package var billing: Billing {
        switch self {
        case .getMetricData: .metrics
        case .getMetricStatistics, .listMetrics: .requests
        case .describeDBInstances, .describeDBClusters, .describeDBParameters,
            .describeDBClusterParameters, .describeInstanceTypes, .describeAutoScalingGroups:
            .free
        }
    }
}
