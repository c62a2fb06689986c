import ElasticsearchIngest
import HTTPClient
import Model
import Timekeeping

private let settings = PullSettings(name: "n", urls: ["http://h"], index: "logs-*")
private let arrival = Timestamp(milliseconds: 1_700_000_000_000)

/// The first byte chooses the answer's status and the reader's limits; whatever comes, it is read whole or refused with words.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let body = Array(input.dropFirst())
    guard input[0] & 1 == 0 else {
        let statuses = [400, 401, 403, 404, 429, 500, 503, 200]
        let reply = HTTPClientReply(
            status: statuses[Int(input[0] >> 1 & 7)],
            headers: [("retry-after", String(decoding: body.prefix(12), as: UTF8.self))],
            body: body
        )
        let problem = SearchErrors.problem(reply, settings, "searching")
        precondition(!problem.text.isEmpty && problem.text.utf8.count < 4000, "a problem in words")
        if case .busy(let wait?) = problem.kind {
            precondition(wait >= .zero && wait <= .seconds(3600), "a wait has bounds")
        }
        return 0
    }
    let decodedMax = input[0] & 2 == 0 ? 1 << 20 : 2000
    do throws(PullProblem) {
        let answer = try SearchReader(decodedMax: decodedMax).search(body.span, arrival: arrival)
        precondition(answer.hits.count * 320 <= decodedMax, "hits have a limit")
        for hit in answer.hits {
            precondition(hit.key == SearchReader.key(hit.index, hit.id), "a hit has its key")
            let body = SearchBody.search(
                SearchRequest(
                    from: hit.at,
                    before: arrival,
                    after: hit.sort,
                    ids: [hit.id],
                    withDocuments: true,
                    size: 1
                ),
                point: answer.point ?? "",
                tieBreak: "_id",
                settings
            )
            precondition(body.utf8.last == 0x7d, "a request can be made behind any hit")
        }
    } catch {
        precondition(!error.text.isEmpty, "a problem in words")
    }
    return 0
}
