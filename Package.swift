// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built the same way: language mode 6, memory safety checked, warnings refused.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableExperimentalFeature("Lifetimes"),
]

func library(_ layer: String, _ name: String, _ dependencies: [String] = []) -> Target {
    .target(
        name: name,
        dependencies: dependencies.map { .byName(name: $0) },
        path: "Sources/\(layer)/\(name)",
        swiftSettings: settings
    )
}

/// What a program reads at each start and keeps resident is small: its own addresses are noted in a
/// few kilobytes in place of 1.3 megabytes (needs glibc 2.36: Debian 12, Ubuntu 24.04), it exports no
/// symbol, where the Swift driver would export 17,000 with 1.5 megabytes of names, and what a start
/// calls lies side by side (scripts/start-order.sh).
let programLinking =
    ["-use-ld=lld"]
    + [
        "-z", "pack-relative-relocs", "--no-export-dynamic",
        "--symbol-ordering-file=\(Context.packageDirectory)/scripts/start-order.txt",
        "--no-warn-symbol-ordering",
    ].flatMap { ["-Xlinker", $0] }

func program(_ layer: String, _ name: String, _ dependencies: [String]) -> Target {
    .executableTarget(
        name: name,
        dependencies: dependencies.map { .byName(name: $0) },
        path: "Sources/\(layer)/\(name)",
        swiftSettings: settings,
        linkerSettings: [.unsafeFlags(programLinking, .when(configuration: .release))]
    )
}

func tests(
    _ layer: String,
    _ name: String,
    _ dependencies: [String],
    fixtures: [String] = []
) -> Target {
    .testTarget(
        name: name,
        dependencies: (dependencies + ["TestSupport"]).map { .byName(name: $0) },
        path: "Tests/\(layer)/\(name)",
        exclude: fixtures,
        swiftSettings: settings
    )
}

func system(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(
        name: name,
        path: "Sources/System/\(name)",
        pkgConfig: pkgConfig,
        providers: [.apt([apt])]
    )
}

var targets: [Target] = [
    // MARK: System
    system("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
    system("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
    system("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
    system("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
    system("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
    system("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
    .systemLibrary(
        name: "CSnappy",
        path: "Sources/System/CSnappy",
        providers: [.apt(["libsnappy-dev"])]
    ),
    .target(name: "CLinux", path: "Sources/System/CLinux"),
    .target(
        name: "CRE2",
        path: "Sources/System/CRE2",
        cxxSettings: [.unsafeFlags(["-std=c++17"])],
        linkerSettings: [.linkedLibrary("re2"), .linkedLibrary("stdc++")]
    ),

    // MARK: Base
    library("Base", "Buffers", ["CLinux"]),
    library("Base", "Timekeeping"),
    library("Base", "Telemetry", ["Timekeeping"]),
    library("Base", "ServiceRuntime", ["CLinux", "Timekeeping", "Telemetry"]),
    library("Base", "Spelling"),
    library("Base", "ArgumentParsing", ["Spelling"]),

    // MARK: Adapters
    library("Adapters", "WireFormats", ["Buffers"]),
    library("Adapters", "Compression", ["CZlib", "CSnappy", "CZstd"]),
    library("Adapters", "Cryptography", ["COpenSSL", "Buffers", "ServiceRuntime"]),
    library("Adapters", "Matching", ["CRE2"]),
    library("Adapters", "SQLite", ["CSQLite"]),
    library("Adapters", "HTTPClient", ["CCurl", "ServiceRuntime", "Timekeeping", "Telemetry"]),
    library(
        "Adapters",
        "HTTPServer",
        ["ServiceRuntime", "Timekeeping", "Telemetry", "Compression"]
    ),

    // MARK: Model
    library("Model", "Model", ["Timekeeping", "Matching"]),
    // After Model: its nodes and problems carry the Model's source locations and diagnostics.
    library("Adapters", "YAML", ["CYAML", "Model", "Spelling", "Timekeeping"]),

    // MARK: Stores
    library("Stores", "SampleLog", ["Buffers", "Telemetry", "CLinux"]),
    library(
        "Stores",
        "MetricStore",
        [
            "SampleLog", "Model", "Buffers", "Timekeeping", "Telemetry", "Matching", "WireFormats",
            "CLinux",
        ]
    ),
    library("Stores", "LogStore", ["Model", "Buffers", "Matching", "Timekeeping", "Telemetry"]),

    // MARK: Ingest
    library(
        "Ingest",
        "Ingest",
        [
            "Model", "MetricStore", "LogStore", "Timekeeping", "Telemetry", "Matching",
            "Cryptography", "WireFormats", "YAML",
        ]
    ),
    library(
        "Ingest",
        "CloudWatchIngest",
        [
            "Buffers", "Ingest", "Model", "HTTPClient", "Cryptography", "WireFormats",
            "Timekeeping",
            "Telemetry",
        ]
    ),
    library(
        "Ingest",
        "EFKIngest",
        [
            "Buffers", "Ingest", "Model", "ServiceRuntime", "WireFormats", "Compression",
            "Cryptography", "YAML", "Timekeeping", "Telemetry",
        ]
    ),
    library(
        "Ingest",
        "ElasticsearchIngest",
        [
            "Buffers", "Ingest", "CloudWatchIngest", "Model", "HTTPServer", "HTTPClient",
            "Cryptography", "WireFormats", "Compression", "Timekeeping", "Telemetry",
        ]
    ),
    library(
        "Ingest",
        "OTLPLogIngest",
        [
            "Ingest", "Model", "HTTPServer", "WireFormats", "Compression", "Cryptography",
            "Timekeeping", "Telemetry",
        ]
    ),
    library(
        "Ingest",
        "RemoteWriteIngest",
        [
            "Buffers", "Ingest", "Model", "HTTPServer", "Compression", "WireFormats", "Timekeeping",
            "Telemetry",
        ]
    ),
    library(
        "Ingest",
        "ScrapeIngest",
        [
            "Buffers", "Ingest", "Model", "HTTPClient", "Compression", "Cryptography",
            "WireFormats",
            "YAML", "CLinux", "Timekeeping", "Telemetry",
        ]
    ),
    library(
        "Ingest",
        "OTLPIngest",
        [
            "Ingest", "Model", "HTTPServer", "Compression", "Cryptography", "WireFormats",
            "Timekeeping", "Telemetry",
        ]
    ),
    library(
        "Ingest",
        "DeployIngest",
        ["Ingest", "Model", "HTTPServer", "Cryptography", "Timekeeping"]
    ),
    library(
        "Ingest",
        "FirehoseIngest",
        [
            "CloudWatchIngest", "OTLPIngest", "Ingest", "Model", "HTTPServer", "Compression",
            "Cryptography", "WireFormats", "Timekeeping", "Telemetry",
        ]
    ),

    // MARK: Query
    library("Query", "PromQLSyntax", ["Model", "Timekeeping", "Matching"]),
    library("Query", "PromQL", ["PromQLSyntax", "Model", "Timekeeping", "Matching"]),

    // MARK: Rules
    library(
        "Rules",
        "Rules",
        ["Buffers", "PromQLSyntax", "YAML", "Model", "Timekeeping", "Matching"]
    ),
    library(
        "Rules",
        "SLO",
        ["Buffers", "Rules", "PromQLSyntax", "YAML", "Model", "Timekeeping", "Telemetry"]
    ),
    library(
        "Rules",
        "RuleEvaluation",
        [
            "Rules", "PromQL", "PromQLSyntax", "Model", "Buffers", "YAML", "Spelling",
            "Timekeeping", "Telemetry", "Matching",
        ]
    ),

    library(
        "Rules",
        "LogRules",
        ["Model", "Matching", "Timekeeping", "Telemetry"]
    ),

    // MARK: Response
    library(
        "Response",
        "OnCall",
        ["Buffers", "Model", "YAML", "Spelling", "Timekeeping", "Matching"]
    ),
    library("Response", "Incidents", ["OnCall", "Model", "Timekeeping", "Telemetry"]),
    library(
        "Response",
        "Paging",
        [
            "Buffers", "Incidents", "OnCall", "HTTPClient", "Cryptography", "Model", "Timekeeping",
            "Telemetry",
        ]
    ),

    // MARK: Service
    library(
        "Service",
        "StateStore",
        [
            "SQLite", "CloudWatchIngest", "DeployIngest", "Ingest", "RuleEvaluation", "LogRules",
            "SLO", "Incidents",
            "OnCall",
            "Paging", "Model",
            "Timekeeping",
        ]
    ),
    library("Service", "APIModel", ["Model", "Timekeeping"]),
    library(
        "Service",
        "ServiceAPI",
        [
            "DeployIngest",
            "Buffers", "APIModel", "HTTPServer", "Ingest", "ScrapeIngest", "Matching",
            "MetricStore",
            "LogStore",
            "PromQL", "PromQLSyntax",
            "Rules", "SLO",
            "RuleEvaluation", "Incidents", "OnCall", "Paging", "Model", "Spelling", "Timekeeping",
            "Telemetry",
        ]
    ),
    library(
        "Service",
        "Configuration",
        [
            "Buffers", "CloudWatchIngest", "EFKIngest", "ElasticsearchIngest", "HTTPClient", "YAML",
            "Model", "Timekeeping", "Rules", "Ingest", "ScrapeIngest",
        ]
    ),
    library(
        "Service",
        "CloudWatchStandIn",
        ["HTTPServer", "HTTPClient", "Cryptography", "CloudWatchIngest", "Timekeeping"]
    ),
    library(
        "Service",
        "Demo",
        [
            "Buffers", "CloudWatchStandIn", "HTTPServer", "HTTPClient", "EFKIngest", "Cryptography",
            "WireFormats", "Model",
            "Timekeeping", "Telemetry", "ServiceRuntime",
        ]
    ),
    library(
        "Service",
        "Daemon",
        [
            "Buffers", "ArgumentParsing", "Configuration", "ServiceAPI", "StateStore", "Demo",
            "CloudWatchIngest", "DeployIngest", "EFKIngest", "ElasticsearchIngest", "OTLPLogIngest",
            "FirehoseIngest", "RemoteWriteIngest", "ScrapeIngest", "OTLPIngest", "Ingest",
            "MetricStore", "SampleLog",
            "LogStore", "PromQL",
            "Rules", "SLO", "RuleEvaluation", "LogRules",
            "Incidents", "OnCall", "Paging", "HTTPServer", "HTTPClient", "ServiceRuntime", "Model",
            "Timekeeping",
            "Telemetry", "APIModel",
        ]
    ),
    program("Service", "tocsin", ["Daemon"]),
    library(
        "Service",
        "ControlCommands",
        [
            "Buffers", "APIModel", "ArgumentParsing", "CloudWatchIngest", "HTTPClient", "Ingest",
            "LogRules", "Rules", "RuleEvaluation", "PromQLSyntax", "Configuration",
            "Incidents", "OnCall", "Matching", "Model", "Telemetry", "Timekeeping",
        ]
    ),
    program("Service", "sloctl", ["ControlCommands"]),

    // MARK: Tests
    .target(
        name: "TestSupport",
        dependencies: ["Model", "Timekeeping", "WireFormats"],
        path: "Tests/Support/TestSupport",
        swiftSettings: settings
    ),
    .target(
        name: "StoreTestSupport",
        dependencies: ["SampleLog"],
        path: "Tests/Support/StoreTestSupport",
        swiftSettings: settings
    ),
    .target(
        name: "PromQLConformance",
        dependencies: ["PromQL", "PromQLSyntax", "Model", "Timekeeping", "TestSupport"],
        path: "Tests/Conformance/PromQLConformance",
        swiftSettings: settings
    ),
    .executableTarget(
        name: "promql-conformance",
        dependencies: ["PromQLConformance"],
        path: "Tests/Conformance/promql-conformance",
        swiftSettings: settings
    ),
    .executableTarget(
        name: "store-benchmark",
        dependencies: ["MetricStore", "Model", "Telemetry", "Timekeeping", "TestSupport"],
        path: "Tests/Benchmarks/StoreBenchmark",
        swiftSettings: settings
    ),
    tests("Base", "BuffersTests", ["Buffers"]),
    tests("Base", "TimekeepingTests", ["Timekeeping"]),
    tests("Base", "TelemetryTests", ["Telemetry", "Timekeeping"]),
    tests("Base", "ServiceRuntimeTests", ["ServiceRuntime", "Telemetry"]),
    tests("Base", "ArgumentParsingTests", ["ArgumentParsing"]),
    tests("Adapters", "WireFormatsTests", ["WireFormats"]),
    tests("Adapters", "CompressionTests", ["Compression"]),
    tests("Adapters", "CryptographyTests", ["Cryptography", "ServiceRuntime"]),
    tests("Adapters", "YAMLTests", ["YAML", "Model", "Timekeeping"]),
    tests("Adapters", "SQLiteTests", ["SQLite"]),
    tests(
        "Adapters",
        "HTTPClientTests",
        ["HTTPClient", "HTTPServer", "ServiceRuntime", "Timekeeping", "Telemetry"]
    ),
    tests(
        "Adapters",
        "HTTPServerTests",
        ["HTTPServer", "ServiceRuntime", "Compression", "Timekeeping", "Telemetry"]
    ),
    tests("Model", "ModelTests", ["Model", "Timekeeping", "Matching"]),
    tests("Stores", "SampleLogTests", ["SampleLog", "StoreTestSupport", "CLinux"]),
    tests(
        "Stores",
        "MetricStoreTests",
        [
            "MetricStore", "SampleLog", "StoreTestSupport", "Model", "Buffers", "Timekeeping",
            "Telemetry",
        ]
    ),
    tests(
        "Stores",
        "LogStoreTests",
        ["LogStore", "Model", "Matching", "Timekeeping", "Telemetry"]
    ),
    tests(
        "Ingest",
        "IngestTests",
        ["Ingest", "MetricStore", "LogStore", "Model", "YAML", "Timekeeping", "Telemetry"]
    ),
    tests(
        "Ingest",
        "CloudWatchIngestTests",
        [
            "CloudWatchIngest", "CloudWatchStandIn", "Ingest", "Model", "Rules", "HTTPClient",
            "HTTPServer",
            "Cryptography", "ServiceRuntime", "Timekeeping", "Telemetry",
        ]
    ),
    tests(
        "Ingest",
        "EFKIngestTests",
        [
            "EFKIngest", "Ingest", "MetricStore", "LogStore", "Model", "WireFormats", "Compression",
            "Cryptography", "ServiceRuntime", "YAML", "Timekeeping", "Telemetry",
        ]
    ),
    tests(
        "Ingest",
        "ElasticsearchIngestTests",
        [
            "ElasticsearchIngest", "CloudWatchIngest", "Ingest", "MetricStore", "LogStore", "Model",
            "WireFormats", "Compression", "HTTPServer", "HTTPClient", "Timekeeping", "Telemetry",
        ]
    ),
    tests(
        "Ingest",
        "OTLPLogIngestTests",
        [
            "OTLPLogIngest", "Ingest", "MetricStore", "LogStore", "Model", "WireFormats",
            "Compression", "HTTPServer", "Timekeeping", "Telemetry",
        ]
    ),
    tests(
        "Ingest",
        "RemoteWriteIngestTests",
        [
            "RemoteWriteIngest", "Ingest", "MetricStore", "LogStore", "Model", "WireFormats",
            "Compression", "HTTPServer", "Timekeeping", "Telemetry",
        ]
    ),
    tests(
        "Ingest",
        "ScrapeIngestTests",
        [
            "ScrapeIngest", "Ingest", "Model", "HTTPClient", "Compression", "WireFormats", "YAML",
            "Timekeeping", "Telemetry",
        ]
    ),
    tests(
        "Ingest",
        "DeployIngestTests",
        [
            "DeployIngest", "StateStore", "Ingest", "Model", "HTTPServer", "Cryptography",
            "Timekeeping", "Telemetry",
        ]
    ),
    tests(
        "Ingest",
        "OTLPIngestTests",
        [
            "OTLPIngest", "Ingest", "Model", "HTTPServer", "Compression", "WireFormats",
            "Timekeeping", "Telemetry",
        ]
    ),
    tests(
        "Ingest",
        "FirehoseIngestTests",
        [
            "FirehoseIngest", "CloudWatchIngest", "Ingest", "MetricStore", "LogStore", "Model",
            "HTTPServer", "Compression", "Cryptography", "WireFormats", "Timekeeping", "Telemetry",
        ]
    ),
    tests(
        "Ingest",
        "BackPressureTests",
        [
            "RemoteWriteIngest", "OTLPIngest", "ScrapeIngest", "EFKIngest", "Ingest", "Model",
            "HTTPServer", "HTTPClient", "Compression", "Timekeeping", "Telemetry",
        ]
    ),
    tests("Query", "PromQLSyntaxTests", ["PromQLSyntax", "Model", "Timekeeping"]),
    tests(
        "Query",
        "PromQLTests",
        ["PromQL", "PromQLConformance", "PromQLSyntax", "Model", "Timekeeping"],
        fixtures: ["Scripts"]
    ),
    tests(
        "Rules",
        "RulesTests",
        ["Rules", "PromQL", "PromQLSyntax", "YAML", "Model", "Timekeeping", "Matching"]
    ),
    tests("Rules", "LogRulesTests", ["LogRules", "Model", "Timekeeping", "Telemetry"]),
    tests("Rules", "SLOTests", ["SLO", "Rules", "Model", "Timekeeping", "Telemetry"]),
    tests(
        "Rules",
        "RuleEvaluationTests",
        ["RuleEvaluation", "Rules", "PromQL", "PromQLSyntax", "Model", "Timekeeping", "Telemetry"]
    ),
    tests(
        "Response",
        "OnCallTests",
        ["OnCall", "Model", "YAML", "Timekeeping"],
        fixtures: ["Fixtures"]
    ),
    tests(
        "Response",
        "IncidentsTests",
        ["Incidents", "OnCall", "Model", "Timekeeping", "Telemetry"]
    ),
    tests(
        "Response",
        "PagingTests",
        [
            "Paging", "Incidents", "OnCall", "HTTPClient", "Cryptography", "StateStore", "SQLite",
            "Model",
            "Timekeeping", "Telemetry",
        ],
        fixtures: ["Golden"]
    ),
    tests(
        "Service",
        "StateStoreTests",
        [
            "StateStore", "SQLite", "CloudWatchIngest", "DeployIngest", "Ingest", "RuleEvaluation",
            "LogRules", "SLO",
            "Incidents", "OnCall", "Paging", "Model", "Timekeeping",
        ]
    ),
    tests("Service", "APIModelTests", ["APIModel"]),
    tests(
        "Service",
        "ServiceAPITests",
        [
            "ServiceAPI", "APIModel", "HTTPServer", "HTTPClient", "Ingest", "LogStore",
            "MetricStore", "PromQL", "Rules", "SLO",
            "RuleEvaluation", "Incidents", "OnCall", "Paging", "StateStore", "Model", "Timekeeping",
            "Telemetry",
        ],
        fixtures: ["Golden"]
    ),
    tests(
        "Service",
        "CloudWatchStandInTests",
        [
            "CloudWatchStandIn", "CloudWatchIngest", "HTTPServer", "HTTPClient", "ServiceRuntime",
            "Timekeeping",
            "Telemetry",
        ]
    ),
    tests(
        "Service",
        "ConfigurationTests",
        [
            "Configuration", "CloudWatchIngest", "EFKIngest", "ElasticsearchIngest", "HTTPClient",
            "Ingest", "ScrapeIngest", "Model", "Cryptography", "ServiceRuntime", "Timekeeping",
            "YAML",
        ]
    ),
    tests(
        "Service",
        "ControlCommandsTests",
        ["ControlCommands", "APIModel", "CloudWatchIngest", "HTTPClient", "Timekeeping", "Model"]
    ),
    tests(
        "Service",
        "DaemonTests",
        [
            "Daemon", "Configuration", "HTTPServer", "HTTPClient", "Ingest", "MetricStore",
            "LogStore", "PromQL", "Rules",
            "SLO", "RuleEvaluation", "Incidents", "OnCall", "StateStore", "Model", "Timekeeping",
            "Telemetry",
        ]
    ),
]

/// `TOCSIN_ONLY=PromQLTests,RulesTests swift test` builds those targets and what they need, nothing else.
if let only = Context.environment["TOCSIN_ONLY"] {
    var wanted = Set(only.split(separator: ",").map(String.init))
    var grown = true
    while grown {
        grown = false
        for target in targets where wanted.contains(target.name) {
            for case .byNameItem(let name, _) in target.dependencies
            where wanted.insert(name).inserted {
                grown = true
            }
        }
    }
    targets.removeAll { !wanted.contains($0.name) }
}

let package = Package(name: "tocsin", targets: targets)
