// What the host offers.

@external("ostiary_v1", "log")
declare function hostLog(level: i32, ptr: usize, size: i32): void;

/** How much a log line matters. */
export enum Level {
  Debug,
  Info,
  Warn,
  Error,
}

/** Writes a line to the operator's log, under the plugin's name. Of one call 32 lines are kept, of a line 1,024 bytes. */
export function log(level: Level, text: string): void {
  const bytes = String.UTF8.encode(text);
  hostLog(level, changetype<usize>(bytes), bytes.byteLength);
}

/**
 * What AssemblyScript calls when something is thrown. asconfig.json names it, in place of an import that this host does not have:
 * "use": ["abort=ostiary-sdk/assembly/host/abort"].
 */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  log(Level.Error, "panic: " + (message ? message : "abort") + " in " + (file ? file : "?") + ":" + line.toString() + ":" + column.toString());
  unreachable();
}
