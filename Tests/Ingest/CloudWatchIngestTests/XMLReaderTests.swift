import CloudWatchIngest
import Testing

/// The strict reader of small XML documents.
@Suite struct XMLReaderTests {
    @Test func anAnswerOfSTSIsRead() throws {
        let text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
              <AssumeRoleResult><Credentials>
                <AccessKeyId>ASIA</AccessKeyId><SessionToken>a&amp;b&lt;c&gt;&quot;&apos;&#65;&#x42;/+=</SessionToken>
              </Credentials><Empty/><ns:Other a='1' b = "2"/></AssumeRoleResult>
            </AssumeRoleResponse>
            """
        // White space around = is not in any document of ours, and is refused like all that is unusual.
        #expect(throws: XMLError.self) { try XMLReader.read(Array(text.utf8)) }
        let plain = text.replacing(" b = \"2\"", with: " b=\"2\"")
        let root = try XMLReader.read(Array(plain.utf8))
        #expect(root.name == "AssumeRoleResponse")
        #expect(root.text(at: "AssumeRoleResult", "Credentials", "AccessKeyId") == "ASIA")
        #expect(
            root.text(at: "AssumeRoleResult", "Credentials", "SessionToken") == "a&b<c>\"'AB/+="
        )
        #expect(root["AssumeRoleResult"]?["Empty"]?.text == "")
        #expect(root["AssumeRoleResult"]?["Other"] != nil)
        #expect(root.text(at: "AssumeRoleResult", "Nothing") == nil)
    }

    @Test(arguments: [
        "", "   ", "text", "<a>", "<a></b>", "<a><b></a></b>", "<a/><b/>", "<a/>x", "<a b></a>",
        "<a b=c/>",
        "<a b=\"1/>", "<a b=\"<\"/>", "<1a/>", "<a>&unknown;</a>", "<a>&amp</a>", "<a>&#0;</a>",
        "<a>&#xD800;</a>", "<a>&#x110000;</a>", "<a>&#-1;</a>", "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "<a><![CDATA[x]]></a>", "<a><!-- x --></a>",
        "<a><?php?></a>", "<?xml version=\"1.0\"", "<a", "<a/", "</a>", "<a b=\"1\"c=\"2\"/>",
    ]) func whatIsNotPlainIsRefused(_ text: String) {
        #expect(throws: XMLError.self) { try XMLReader.read(Array(text.utf8)) }
    }

    @Test func depthSizeAndEncodingAreBounded() {
        func nested(_ depth: Int) -> [UInt8] {
            Array(
                (String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth))
                    .utf8
            )
        }
        #expect(throws: Never.self) { try XMLReader.read(nested(32)) }
        #expect(throws: XMLError.self) { try XMLReader.read(nested(33)) }
        #expect(throws: XMLError.self) {
            try XMLReader.read(
                Array("<a>".utf8) + Array(repeating: 32, count: 1 << 20) + Array("</a>".utf8)
            )
        }
        #expect(throws: XMLError.self) { try XMLReader.read([60, 97, 62, 0xff, 60, 47, 97, 62]) }
    }

    @Test func everyCutOfADocumentIsRefusedAndNoneCrashes() throws {
        let whole = Array(#"<?xml version="1.0"?><a x="1"><b>&amp;&#65;</b><c/></a>"#.utf8)
        #expect(throws: Never.self) { try XMLReader.read(whole) }
        for count in 0..<whole.count {
            #expect(throws: XMLError.self) { try XMLReader.read(Array(whole.prefix(count))) }
        }
    }
}
