import Buffers

/// HTML that every page shares: plain, its style inside, no script, nothing loaded from elsewhere.
enum PageHTML {
    /// A whole document; it reloads itself after `refreshSeconds`.
    static func document(title: String, refreshSeconds: Int, body: String) -> String {
        """
        <!doctype html>
        <html lang=en>
        <head>
        <meta charset=utf-8>
        <meta name=viewport content="width=device-width, initial-scale=1">
        <meta http-equiv=refresh content=\(refreshSeconds)>
        <title>\(escaped(title))</title>
        <style>\(style)</style>
        </head>
        <body>
        \(body)
        </body>
        </html>

        """
    }

    static func table(_ header: [String], _ rows: [[String]], empty: String) -> String {
        guard !rows.isEmpty else { return "<p class=none>\(empty)</p>" }
        let head = header.map { "<th>\($0)</th>" }.joined()
        let body = rows.map { row in
            "<tr>" + row.map { "<td>\($0)</td>" }.joined() + "</tr>"
        }.joined(separator: "\n")
        return "<div class=scroll><table><thead><tr>\(head)</tr></thead>\n<tbody>\n\(body)\n"
            + "</tbody></table></div>"
    }

    static func badge(_ text: String, _ kind: String) -> String {
        "<b class=\"badge \(kind)\">\(escaped(text))</b>"
    }

    /// A ratio with one decimal, as `97.7%`; `unknown` when nobody knows it.
    static func percent(_ ratio: Double?) -> String {
        guard let ratio else { return "unknown" }
        let text = PrintfNumber.fixed(ratio * 100, decimals: 1) + "%"
        return text == "-0.0%" ? "0.0%" : text
    }

    /// An objective with the decimals it needs: `99.9%`, `99.95%`.
    static func objective(_ ratio: Double) -> String { PrintfNumber.general(ratio * 100) + "%" }

    /// A moment without its milliseconds, `2026-11-24 07:59:14`.
    static func clock(_ time: String) -> String {
        let seconds = time.prefix(19).replacing("T", with: " ")
        return "<time datetime=\"\(escaped(time))\">\(escaped(String(seconds)))</time>"
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }

    private static let style = """
        :root{color-scheme:light dark;--ink:#1c1e21;--paper:#fff;--line:#d9dce1;--soft:#6b7280;
        --ok:#1a7f47;--warn:#b45309;--bad:#c0262d}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e7ea;--paper:#15171a;--line:#32363c;
        --soft:#9aa1ab;--ok:#4cc38a;--warn:#f0a04b;--bad:#ff6b6f}}
        body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
        margin:0 auto;max-width:72rem;padding:1rem 1.25rem 3rem}
        header{display:flex;justify-content:space-between;align-items:baseline}
        h1{font-size:1.3rem;margin:.2rem 0}h2{font-size:1rem;margin:1.8rem 0 .4rem}
        header span,small,footer,.none,time{color:var(--soft)}
        table{border-collapse:collapse;width:100%}.scroll{overflow-x:auto}
        th{font-weight:500;text-align:left;color:var(--soft);font-size:.85rem}
        th,td{padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
        td{font-variant-numeric:tabular-nums}td a,time{white-space:nowrap}
        a{color:inherit}
        p.ok,p.bad{font-size:1.1rem;font-weight:600}.ok{color:var(--ok)}.warn{color:var(--warn)}
        .bad{color:var(--bad)}.badge{font-weight:600;white-space:nowrap}
        .bar{width:9rem;height:.55rem;margin-top:.45rem;background:var(--line);border-radius:3px}
        .bar i{display:block;height:100%;border-radius:3px;background:currentColor}
        footer{margin-top:2.5rem;font-size:.85rem}footer a{color:inherit;margin-right:.8rem}
        """
}
