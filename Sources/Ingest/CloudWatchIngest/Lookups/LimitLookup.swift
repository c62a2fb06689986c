/// Looks up the limits that rules divide by and that no metric reports, over RDS, EC2 and Auto Scaling.
///
/// Source: the service models `rds-2014-10-31`, `ec2-2016-11-15`, `autoscaling-2011-01-01`.
package struct LimitLookup: Sendable {
    /// Pages read of one list.
    package static let pagesMax = 50

    /// What was found, and what could not be.
    package struct Findings: Sendable {
        package var readings: [LimitReading] = []
        /// In words that say how to mend it.
        package var troubles: [String] = []
    }

    private struct Instance {
        var name: String
        var engine: String
        var instanceClass: String
        var parameterGroups: [String]
        var cluster: String?
    }

    private struct Cluster {
        var parameterGroup: String?
        var minimumCapacity: Double?
        var maximumCapacity: Double?
    }

    /// The memory of an instance.
    private struct Size {
        var bytes: Double
        var source: LimitReading.Source
        var detail: String
    }

    /// A parameter as its group has it.
    private struct Parameter {
        var group: String
        var value: String
        var isUsers: Bool
    }

    private let client: QueryServiceClient

    package init(_ client: QueryServiceClient) {
        self.client = client
    }

    /// Looks up what `kinds` ask for.
    package func findings(_ kinds: Set<LimitReading.Kind>) async -> Findings {
        var found = Findings()
        if !kinds.isDisjoint(with: [.maxConnections, .memory]) {
            await addDatabases(kinds, to: &found)
        }
        if kinds.contains(.groupMaximum) { await addGroups(to: &found) }
        return found
    }

    // MARK: Databases

    private func addDatabases(
        _ kinds: Set<LimitReading.Kind>,
        to found: inout Findings
    ) async {
        let instances: [Instance]
        do {
            instances = try await self.instances()
        } catch {
            found.troubles.append(
                "databases: \(error)" + Self.remedy("rds:DescribeDBInstances", error)
            )
            return
        }
        var clusters: [String: Cluster] = [:]
        if instances.contains(where: { $0.cluster != nil }) {
            do {
                clusters = try await self.clusters()
            } catch {
                found.troubles.append(
                    "clusters: \(error)" + Self.remedy("rds:DescribeDBClusters", error)
                )
            }
        }
        let (sizes, trouble) = await memory(of: Set(instances.map(\.instanceClass)))
        if let trouble { found.troubles.append(trouble) }
        var parameters: [String: Parameter?] = [:]
        for instance in instances {
            let cluster = instance.cluster.flatMap { clusters[$0] }
            let size = size(of: instance, cluster, sizes)
            if kinds.contains(.memory), let size {
                found.readings.append(
                    LimitReading(
                        kind: .memory,
                        dimensions: [.init("DBInstanceIdentifier", instance.name)],
                        value: size.bytes,
                        source: size.source,
                        detail: size.detail
                    )
                )
            }
            guard kinds.contains(.maxConnections) else { continue }
            var own: [Parameter] = []
            for group in instance.parameterGroups {
                if let one = await parameter(group, .describeDBParameters, &parameters, &found) {
                    own.append(one)
                }
            }
            var shared: Parameter?
            if let group = cluster?.parameterGroup {
                shared = await parameter(group, .describeDBClusterParameters, &parameters, &found)
            }
            if let reading = connections(of: instance, cluster, size, own, shared) {
                found.readings.append(reading)
            } else {
                found.troubles.append(
                    "max_connections of \(instance.name) (\(instance.engine), \(instance.instanceClass)) is not "
                        + "known; set tocsin:rds_max_connections in AlertRules/limits.yaml"
                )
            }
        }
    }

    private func size(
        of instance: Instance,
        _ cluster: Cluster?,
        _ sizes: [String: Double]
    ) -> Size? {
        if instance.instanceClass == "db.serverless" {
            guard let most = cluster?.maximumCapacity else { return nil }
            return Size(
                bytes: most * DatabaseClass.bytesPerCapacityUnit,
                source: .serverlessMaximum,
                detail: "\(most) ACU at most"
            )
        }
        if let bytes = sizes[instance.instanceClass] {
            return Size(bytes: bytes, source: .instanceType, detail: instance.instanceClass)
        }
        guard let bytes = DatabaseClass.memoryBytes(of: instance.instanceClass) else { return nil }
        return Size(bytes: bytes, source: .classTable, detail: instance.instanceClass)
    }

    /// A number set by a user wins, the instance's before the cluster's; then a formula is worked out.
    private func connections(
        of instance: Instance,
        _ cluster: Cluster?,
        _ size: Size?,
        _ own: [Parameter],
        _ shared: Parameter?
    ) -> LimitReading? {
        var variables: [String: Double] = [:]
        if let size {
            variables["DBInstanceClassMemory"] = DatabaseClass.availableMemory(ofBytes: size.bytes)
        }
        func reading(
            _ value: Double,
            _ source: LimitReading.Source,
            _ detail: String
        ) -> LimitReading {
            LimitReading(
                kind: .maxConnections,
                dimensions: [.init("DBInstanceIdentifier", instance.name)],
                value: value.rounded(.towardZero),
                source: source,
                detail: detail
            )
        }
        func set(
            _ parameter: Parameter,
            _ source: LimitReading.Source
        ) -> LimitReading? {
            guard parameter.isUsers,
                let value = ParameterFormula.value(of: parameter.value, variables), value >= 1
            else { return nil }
            return reading(
                value,
                source,
                "max_connections = \(parameter.value) in \(parameter.group)"
            )
        }
        for parameter in own {
            if let found = set(parameter, .parameterGroup) { return found }
        }
        if let shared, let found = set(shared, .clusterParameterGroup) { return found }
        guard let size else { return nil }
        var formulas = own.map(\.value)
        if let shared { formulas.append(shared.value) }
        if let usual = DatabaseClass.defaultFormula(engine: instance.engine) {
            formulas.append(usual)
        }
        let isServerless = size.source == .serverlessMaximum
        for formula in formulas {
            guard var value = ParameterFormula.value(of: formula, variables), value >= 1 else {
                continue
            }
            if isServerless, (cluster?.minimumCapacity ?? 1) <= 0.5 {
                value = min(value, DatabaseClass.smallMinimumConnectionsMax)
            }
            return reading(
                value,
                isServerless ? .serverlessMaximum : .classFormula,
                "\(formula) of \(size.detail)"
            )
        }
        return nil
    }

    private func instances() async throws(CloudWatchError) -> [Instance] {
        try await pages(
            .describeDBInstances,
            of: .rds,
            list: ["DBInstances", "DBInstance"],
            marker: "Marker"
        ).compactMap { item in
            guard let name = item.text(at: "DBInstanceIdentifier"), !name.isEmpty else {
                return nil
            }
            return Instance(
                name: name,
                engine: item.text(at: "Engine") ?? "",
                instanceClass: item.text(at: "DBInstanceClass") ?? "",
                parameterGroups: (item["DBParameterGroups"]?.children ?? [])
                    .compactMap { $0.text(at: "DBParameterGroupName") },
                cluster: item.text(at: "DBClusterIdentifier").flatMap { $0.isEmpty ? nil : $0 }
            )
        }
    }

    private func clusters() async throws(CloudWatchError) -> [String: Cluster] {
        var found: [String: Cluster] = [:]
        let items = try await pages(
            .describeDBClusters,
            of: .rds,
            list: ["DBClusters", "DBCluster"],
            marker: "Marker"
        )
        for item in items {
            guard let name = item.text(at: "DBClusterIdentifier") else { continue }
            let scaling = item["ServerlessV2ScalingConfiguration"]
            found[name] = Cluster(
                parameterGroup: item.text(at: "DBClusterParameterGroup")
                    .flatMap { $0.isEmpty ? nil : $0 },
                minimumCapacity: Self.number(scaling?.text(at: "MinCapacity")),
                maximumCapacity: Self.number(scaling?.text(at: "MaxCapacity"))
            )
        }
        return found
    }

    /// `max_connections` of a group, asked for once a round; nil when the group does not have it.
    private func parameter(
        _ group: String,
        _ operation: CloudWatchOperation,
        _ known: inout [String: Parameter?],
        _ found: inout Findings
    ) async -> Parameter? {
        let key = "\(operation.rawValue)/\(group)"
        if let known = known[key] { return known }
        let isCluster = operation == .describeDBClusterParameters
        var parameter: Parameter?
        do {
            let items = try await pages(
                operation,
                of: .rds,
                [(isCluster ? "DBClusterParameterGroupName" : "DBParameterGroupName", group)],
                list: ["Parameters", "Parameter"],
                marker: "Marker",
                until: { $0.text(at: "ParameterName") == "max_connections" }
            )
            let item = items.first { $0.text(at: "ParameterName") == "max_connections" }
            if let value = item?.text(at: "ParameterValue"), !value.isEmpty {
                // What does not say whose it is was set by somebody.
                let source = item?.text(at: "Source") ?? "user"
                parameter = Parameter(group: group, value: value, isUsers: source == "user")
            }
        } catch .service(let code, _, _) where code.hasSuffix("NotFound") {
            parameter = nil
        } catch {
            found.troubles.append(
                "parameter group \(group): \(error)"
                    + Self.remedy("rds:\(operation.rawValue)", error)
            )
        }
        known[key] = .some(parameter)
        return parameter
    }

    /// EC2's memory of the instance types behind database classes; classes that EC2 does not have are left out.
    private func memory(of classes: Set<String>) async -> (sizes: [String: Double], String?) {
        let names = classes.filter { $0.hasPrefix("db.") && $0 != "db.serverless" }.sorted()
        guard !names.isEmpty else { return ([:], nil) }
        var sizes: [String: Double] = [:]
        do {
            // By filter, since one unknown name in a list of names fails the whole call.
            let fields =
                [("Filter.1.Name", "instance-type")]
                + names.prefix(100).enumerated().map {
                    ("Filter.1.Value.\($0.offset + 1)", String($0.element.dropFirst(3)))
                }
            let items = try await pages(
                .describeInstanceTypes,
                of: .ec2,
                fields,
                list: ["instanceTypeSet", "item"],
                marker: "nextToken",
                askedAs: "NextToken"
            )
            for item in items {
                guard let name = item.text(at: "instanceType"),
                    let mebibytes = Self.number(item.text(at: "memoryInfo", "sizeInMiB"))
                else { continue }
                sizes["db.\(name)"] = mebibytes * 1_048_576
            }
            return (sizes, nil)
        } catch {
            let unknown = names.filter { DatabaseClass.memoryBytes(of: $0) == nil }
            guard !unknown.isEmpty else { return ([:], nil) }
            return (
                [:],
                "memory of \(unknown.joined(separator: ", ")): \(error)"
                    + Self.remedy("ec2:DescribeInstanceTypes", error)
            )
        }
    }

    // MARK: Auto Scaling

    private func addGroups(to found: inout Findings) async {
        do {
            let items = try await pages(
                .describeAutoScalingGroups,
                of: .autoScaling,
                list: ["AutoScalingGroups", "member"],
                marker: "NextToken"
            )
            for item in items {
                guard let name = item.text(at: "AutoScalingGroupName"),
                    let most = Self.number(item.text(at: "MaxSize"))
                else { continue }
                var dimensions = [CloudWatchMetric.Dimension("AutoScalingGroupName", name)]
                let keys = (item["Tags"]?.children ?? []).map {
                    (key: $0.text(at: "Key") ?? "", value: $0.text(at: "Value") ?? "")
                }
                if let cluster = Self.cluster(keys) {
                    dimensions.append(.init("ClusterName", cluster))
                }
                found.readings.append(
                    LimitReading(
                        kind: .groupMaximum,
                        dimensions: dimensions,
                        value: most,
                        source: .autoScalingGroup,
                        detail: "MaxSize"
                    )
                )
            }
        } catch {
            found.troubles.append(
                "Auto Scaling groups: \(error)"
                    + Self.remedy("autoscaling:DescribeAutoScalingGroups", error)
            )
        }
    }

    /// The EKS cluster that a group's nodes belong to, by the tags that EKS and its autoscaler need.
    private static func cluster(_ tags: [(key: String, value: String)]) -> String? {
        if let named = tags.first(where: { $0.key == "eks:cluster-name" }) { return named.value }
        for prefix in ["kubernetes.io/cluster/", "k8s.io/cluster-autoscaler/"] {
            for tag in tags where tag.key.hasPrefix(prefix) && !tag.key.hasSuffix("/enabled") {
                return String(tag.key.dropFirst(prefix.count))
            }
        }
        return nil
    }

    // MARK: Pages

    /// Every item of a list over its pages, or up to the one that `until` looks for.
    private func pages(
        _ operation: CloudWatchOperation,
        of service: QueryServiceClient.Service,
        _ fields: [(String, String)] = [],
        list: [String],
        marker: String,
        askedAs parameter: String? = nil,
        until isFound: (XMLElement) -> Bool = { _ in false }
    ) async throws(CloudWatchError) -> [XMLElement] {
        var items: [XMLElement] = []
        var next: String?
        var count = 0
        repeat {
            var asked = fields
            if let next { asked.append((parameter ?? marker, next)) }
            let document = try await client.call(operation, of: service, asked)
            let result = document["\(operation.rawValue)Result"] ?? document
            let page = (result[list[0]]?.children ?? []).filter { $0.name == list[1] }
            items += page
            if page.contains(where: isFound) { return items }
            next = result.text(at: marker).flatMap { $0.isEmpty ? nil : $0 }
            count += 1
        } while next != nil && count < Self.pagesMax
        return items
    }

    /// A number as a limit can be: not negative, finite, far below what counts exactly.
    private static func number(_ text: String?) -> Double? {
        guard let value = text.flatMap(Double.init), (0...1e15).contains(value) else { return nil }
        return value
    }

    private static func remedy(_ action: String, _ error: CloudWatchError) -> String {
        guard case .service(let code, _, _) = error,
            code.hasPrefix("AccessDenied") || code == "UnauthorizedOperation"
        else { return "" }
        return "; allow \(action), or set the limit in AlertRules/limits.yaml"
    }
}
