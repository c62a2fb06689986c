package import Model

/// One node of a YAML document, with the place where it stands.
///
/// Aliases and merge keys are resolved already: the tree holds scalars, sequences and mappings only.
package struct YAMLNode: Sendable {
    package enum Content: Sendable {
        case scalar(YAMLScalar)
        case sequence([YAMLNode])
        /// In file order; keys are unique.
        case mapping([YAMLEntry])
    }

    package var content: Content
    /// Where the node begins; of an aliased node, where it was written first.
    package var location: SourceLocation
    /// The tag as written and resolved by the handles (`tag:yaml.org,2002:str`); nil when there is none.
    package var tag: String?

    package init(_ content: Content, at location: SourceLocation, tag: String? = nil) {
        self.content = content
        self.location = location
        self.tag = tag
    }

    /// The scalar's value; nil for sequences and mappings.
    package var scalar: YAMLScalar? {
        if case .scalar(let scalar) = content { scalar } else { nil }
    }

    /// The scalar's text; nil for sequences and mappings.
    ///
    /// A null has the text it was written with.
    package var text: String? { scalar?.text }

    /// The items; nil when this is no sequence.
    package var items: [YAMLNode]? {
        if case .sequence(let items) = content { items } else { nil }
    }

    /// The entries in file order; nil when this is no mapping.
    package var entries: [YAMLEntry]? {
        if case .mapping(let entries) = content { entries } else { nil }
    }

    /// The value under `key`; nil when this is no mapping or has no such key.
    package subscript(key: String) -> YAMLNode? {
        entries?.first { $0.key.text == key }?.value
    }

    /// True for an empty plain scalar, `~` and `null`, unless a tag says that it is a string.
    package var isNull: Bool {
        guard case .scalar(let scalar) = content, scalar.style == .plain,
            tag != "tag:yaml.org,2002:str"
        else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.text)
    }

    /// What the node is, in words, for messages: `a list`, `"5m"`.
    package var inWords: String {
        switch content {
        case .scalar(let scalar): isNull ? "nothing" : "\"\(scalar.text)\""
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// A key of a mapping and its value.
package struct YAMLEntry: Sendable {
    package var key: YAMLNode
    package var value: YAMLNode

    package init(key: YAMLNode, value: YAMLNode) {
        self.key = key
        self.value = value
    }
}
