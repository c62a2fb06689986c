import ControlCommands
import FoundationEssentials
import Glibc

let process = ProcessInfo.processInfo
let code = await ControlEntry.run(
    Array(process.arguments.dropFirst()),
    environment: process.environment
)
exit(code)
