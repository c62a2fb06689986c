import Daemon
import Foundation

let process = ProcessInfo.processInfo
exit(TocsinProgram.run(Array(process.arguments.dropFirst()), environment: process.environment))
