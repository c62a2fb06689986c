import OTLPIngest
import Testing

@Suite struct OTLPNamesTests {
    /// As OpenTelemetry's compatibility specification and Prometheus's own tests have them.
    @Test(
        arguments: [
            ("system.io", "foo/bar", .counter, "system_io_foo_per_bar_total"),
            ("system.filesystem.usage", "By", .gauge, "system_filesystem_usage_bytes"),
            ("system.network.dropped", "{packets}", .counter, "system_network_dropped_total"),
            ("system.network.dropped", "{packets", .counter, "system_network_dropped_total"),
            ("system.network.I/O", "By", .counter, "system_network_I_O_bytes_total"),
            ("system.memory.usage_total", "By", .gauge, "system_memory_usage_total_bytes"),
            (
                "active_directory.ds.replication.network.io", "By", .counter,
                "active_directory_ds_replication_network_io_bytes_total"
            ),
            ("http.server.duration", "ms", .other, "http_server_duration_milliseconds"),
            ("broken.metric.rate", "By/s", .gauge, "broken_metric_rate_bytes_per_second"),
            ("rate", "V/m", .gauge, "rate_volts_per_minute"),
            ("nsxt.node.cpu.utilization", "1", .gauge, "nsxt_node_cpu_utilization_ratio"),
            ("nsxt.node.cpu.utilization_ratio", "1", .gauge, "nsxt_node_cpu_utilization_ratio"),
            ("requests", "1", .counter, "requests_total"),
            ("requests.total", "1", .counter, "requests_total"),
            ("total_requests.count", "", .counter, "requests_count_total"),
            ("memory_usage_bytes", "By", .gauge, "memory_usage_bytes"),
            ("33.hello.world", "", .other, "_33_hello_world"),
            ("a:b.c", "", .other, "a:b_c"),
            ("été", "", .other, "t"),
            ("x", "fo-o", .gauge, "x_fo_o"),
            ("x", "/s", .gauge, "x_per_second"),
            ("...", "", .other, ""),
        ] as [(String, String, OTLPNames.Kind, String)]
    )
    func metrics(_ name: String, _ unit: String, _ kind: OTLPNames.Kind, _ result: String) {
        #expect(OTLPNames.metric(name, unit: unit, kind: kind) == result)
    }

    @Test(arguments: [
        ("label:with:colons", "label_with_colons"), ("http.method", "http_method"), ("é", "key_"),
        ("4label", "key_4label"), ("_private", "key_private"), ("__reserved", "__reserved"),
        ("", ""),
    ])
    func labels(_ name: String, _ result: String) {
        #expect(OTLPNames.label(name) == result)
    }
}
