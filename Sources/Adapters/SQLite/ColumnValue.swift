/// A value as SQLite stores it.
package enum StoredValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])

    var typeName: String {
        switch self {
        case .null: "NULL"
        case .integer: "INTEGER"
        case .real: "REAL"
        case .text: "TEXT"
        case .blob: "BLOB"
        }
    }
}

/// A type that is bound to parameters and read from columns.
package protocol ColumnValue {
    /// What is written to the database.
    var stored: StoredValue { get }

    /// Reads a column; nil when the column holds another type.
    init?(stored: StoredValue)
}

extension Int64: ColumnValue {
    package var stored: StoredValue { .integer(self) }

    package init?(stored: StoredValue) {
        guard case .integer(let value) = stored else { return nil }
        self = value
    }
}

extension Int: ColumnValue {
    package var stored: StoredValue { .integer(Int64(self)) }

    package init?(stored: StoredValue) {
        guard case .integer(let value) = stored else { return nil }
        self = Int(value)
    }
}

extension Bool: ColumnValue {
    package var stored: StoredValue { .integer(self ? 1 : 0) }

    package init?(stored: StoredValue) {
        guard case .integer(let value) = stored else { return nil }
        self = value != 0
    }
}

extension Double: ColumnValue {
    /// SQLite keeps no NaN: it is written as NULL, so read it back as `Double?`.
    package var stored: StoredValue { isNaN ? .null : .real(self) }

    package init?(stored: StoredValue) {
        switch stored {
        case .real(let value): self = value
        case .integer(let value): self = Double(value)
        case .null, .text, .blob: return nil
        }
    }
}

extension String: ColumnValue {
    package var stored: StoredValue { .text(self) }

    package init?(stored: StoredValue) {
        guard case .text(let value) = stored else { return nil }
        self = value
    }
}

extension [UInt8]: ColumnValue {
    package var stored: StoredValue { .blob(self) }

    package init?(stored: StoredValue) {
        guard case .blob(let value) = stored else { return nil }
        self = value
    }
}

extension Optional: ColumnValue where Wrapped: ColumnValue {
    package var stored: StoredValue { self?.stored ?? .null }

    package init?(stored: StoredValue) {
        if case .null = stored {
            self = .none
        } else {
            guard let value = Wrapped(stored: stored) else { return nil }
            self = .some(value)
        }
    }
}
