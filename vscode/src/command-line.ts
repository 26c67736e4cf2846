export type Verb = "check" | "compile" | "build" | "run" | "lock" | "debug";

/** The arguments for imgc: some commands take the file as such, some as an option. */
export function commandLine(verb: Verb, file: string, more: readonly string[]): string[] {
  return verb === "check" || verb === "compile" ? [verb, ...more, file] : [verb, "-f", file, ...more];
}
