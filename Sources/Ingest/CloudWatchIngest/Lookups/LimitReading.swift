/// A limit that was looked up: what it is, of what, and where it is from.
package struct LimitReading: Hashable, Sendable {
    /// The series that limits are stored under.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Connections that a database instance takes.
        case maxConnections = "aws_rds_max_connections"
        /// Memory of a database instance, bytes.
        case memory = "aws_rds_instance_memory_bytes"
        /// Instances that an Auto Scaling group may have.
        case groupMaximum = "aws_autoscaling_group_max_instances"

        /// Where it stands among what is shown.
        var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    /// Where a value is from; the label `source` of its series.
    package enum Source: String, Hashable, Sendable {
        /// Set in the instance's parameter group.
        case parameterGroup = "parameter_group"
        /// Set in the cluster's parameter group.
        case clusterParameterGroup = "cluster_parameter_group"
        /// Worked out by the default formula from the memory of the class: an estimate.
        case classFormula = "class_formula"
        /// Worked out from the most that Serverless v2 may grow to: an estimate.
        case serverlessMaximum = "serverless_max_capacity"
        /// EC2's own number for the instance type.
        case instanceType = "ec2_instance_type"
        /// This program's own table of classes.
        case classTable = "class_table"
        case autoScalingGroup = "auto_scaling_group"
    }

    package var kind: Kind
    /// `DBInstanceIdentifier`, `AutoScalingGroupName` and the like.
    package var dimensions: [CloudWatchMetric.Dimension]
    package var value: Double
    package var source: Source
    /// For people: `default.aurora-postgresql16` or `db.r6g.large`.
    package var detail: String

    package init(
        kind: Kind,
        dimensions: [CloudWatchMetric.Dimension],
        value: Double,
        source: Source,
        detail: String
    ) {
        self.kind = kind
        self.dimensions = dimensions
        self.value = value
        self.source = source
        self.detail = detail
    }
}
