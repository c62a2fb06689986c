import Daemon
import FoundationEssentials
import Glibc

let process = ProcessInfo.processInfo
exit(TocsinProgram.run(Array(process.arguments.dropFirst()), environment: process.environment))
