import Model

/// Builds trees from parser events: resolves aliases and merge keys, and holds the limits.
struct YAMLTreeBuilder {
    /// A sequence or mapping that is not closed yet.
    private struct Frame {
        var isMapping: Bool
        var location: SourceLocation
        var anchor: String?
        var tag: String?
        /// Items of a sequence; of a mapping keys and values in turn.
        var children: [YAMLNode] = []
        /// Nodes below, aliases expanded.
        var size = 1
    }

    private let limits: YAMLLimits
    private var frames: [Frame] = []
    private var anchors: [String: (node: YAMLNode, size: Int)] = [:]
    private var documents: [YAMLNode] = []
    private var nodeCount = 0
    private var duplicates: [Diagnostic] = []

    init(limits: YAMLLimits) { self.limits = limits }

    mutating func take(_ event: YAMLEvent, at location: SourceLocation) throws(YAMLError) {
        switch event {
        case .streamStart, .streamEnd, .documentEnd: break
        case .documentStart: anchors = [:]
        case .alias(let name):
            guard let (node, size) = anchors[name] else {
                let inside = frames.contains { $0.anchor == name }
                throw YAMLError(
                    .unknownAlias,
                    location,
                    inside
                        ? "alias \"*\(name)\" stands inside its own anchor; a node cannot hold itself"
                        : "alias \"*\(name)\" has no anchor \"&\(name)\" before it; define it above"
                )
            }
            try attach(node, size: size, at: location)
        case .scalar(let scalar, let anchor, let tag):
            let node = YAMLNode(.scalar(scalar), at: location, tag: tag)
            if let anchor { anchors[anchor] = (node, 1) }
            try attach(node, size: 1, at: location)
        case .sequenceStart(let anchor, let tag):
            try open(isMapping: false, anchor, tag, at: location)
        case .mappingStart(let anchor, let tag):
            try open(isMapping: true, anchor, tag, at: location)
        case .sequenceEnd, .mappingEnd: try close()
        }
    }

    /// The documents, once the stream has ended.
    ///
    /// - Throws: `YAMLError.Reason.duplicateKey` with every duplicate of the file.
    func finish() throws(YAMLError) -> [YAMLNode] {
        guard let first = duplicates.first else { return documents }
        var error = YAMLError(.duplicateKey, first.location, first.message)
        error.diagnostics = duplicates
        throw error
    }

    private mutating func open(
        isMapping: Bool,
        _ anchor: String?,
        _ tag: String?,
        at location: SourceLocation
    ) throws(YAMLError) {
        guard frames.count < limits.depthMax else {
            throw YAMLError(
                .tooDeep,
                location,
                "nested deeper than \(limits.depthMax) levels; flatten the document"
            )
        }
        frames.append(Frame(isMapping: isMapping, location: location, anchor: anchor, tag: tag))
    }

    private mutating func close() throws(YAMLError) {
        let frame = frames.removeLast()
        let content: YAMLNode.Content =
            frame.isMapping ? .mapping(try entries(of: frame)) : .sequence(frame.children)
        let node = YAMLNode(content, at: frame.location, tag: frame.tag)
        if let anchor = frame.anchor { anchors[anchor] = (node, frame.size) }
        // The nodes below were counted when they came; this one alone is new.
        try attach(node, size: frame.size, counted: frame.size - 1, at: frame.location)
    }

    /// Hangs a finished node under the open one.
    private mutating func attach(
        _ node: YAMLNode,
        size: Int,
        counted: Int = 0,
        at location: SourceLocation
    ) throws(YAMLError) {
        nodeCount += size - counted
        guard nodeCount <= limits.nodesMax else {
            throw YAMLError(
                .tooManyNodes,
                location,
                "more than \(limits.nodesMax) values once aliases are expanded; "
                    + "use fewer aliases or split the file"
            )
        }
        guard !frames.isEmpty else {
            documents.append(node)
            return
        }
        frames[frames.count - 1].children.append(node)
        frames[frames.count - 1].size += size
    }

    /// Pairs keys with values, refuses duplicates, and puts merged entries behind the mapping's own.
    private mutating func entries(of frame: Frame) throws(YAMLError) -> [YAMLEntry] {
        var own: [YAMLEntry] = []
        var lines: [String: Int] = [:]
        var merges: [YAMLNode] = []
        for index in stride(from: 0, to: frame.children.count, by: 2) {
            let entry = YAMLEntry(key: frame.children[index], value: frame.children[index + 1])
            guard let key = entry.key.scalar else {
                throw YAMLError(
                    .syntax,
                    entry.key.location,
                    "a key must be plain text, not \(entry.key.inWords)"
                )
            }
            if key.text == "<<", key.style == .plain {
                merges.append(entry.value)
            } else if let line = lines[key.text] {
                duplicates.append(
                    Diagnostic(
                        entry.key.location,
                        "key \"\(key.text)\" is already given at line \(line); remove one of them"
                    )
                )
            } else {
                lines[key.text] = entry.key.location.line
                own.append(entry)
            }
        }
        for merge in merges {
            for entry in try merged(merge) {
                guard let key = entry.key.text, lines[key] == nil else { continue }
                lines[key] = entry.key.location.line
                own.append(entry)
            }
        }
        return own
    }

    /// The entries that a merge key brings, the first of a list before the later ones.
    private func merged(_ value: YAMLNode) throws(YAMLError) -> [YAMLEntry] {
        if let entries = value.entries { return entries }
        var all: [YAMLEntry] = []
        for item in value.items ?? [value] {
            guard let entries = item.entries else {
                throw YAMLError(
                    .badMerge,
                    value.location,
                    "merge key \"<<\" takes a mapping or a list of mappings, not \(item.inWords)"
                )
            }
            all += entries
        }
        return all
    }
}
