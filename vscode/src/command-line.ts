export type Verb = "check" | "compile" | "build" | "run" | "lock" | "debug";

/** The arguments for imgc: some commands take the file as such, some as an option. */
export function commandLine(verb: Verb, file: string, more: readonly string[]): string[] {
  return ["check", "compile", "lock"].includes(verb) ? [verb, ...more, file] : [verb, "-f", file, ...more];
}
