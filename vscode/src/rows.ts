/** Lines of a preview and the place in the document that they come from; all 0-based, `endLine` included. */
export interface Row {
  readonly line: number;
  readonly endLine: number;
  readonly sourceLine: number;
  readonly sourceColumn: number;
  readonly key: string;
}

/** What the server answers to `imgc.preview`. */
export interface Compiled {
  readonly uri: string;
  readonly languageId: string;
  readonly text: string;
  readonly map: readonly Row[];
  readonly line: number | null;
}

/** The parts of the preview that come from the same line as the one that starts at `line`. */
export function rowsFrom(compiled: Compiled, line: number | null): Row[] {
  const source = compiled.map.find((row) => row.line === line)?.sourceLine;
  return source === undefined ? [] : compiled.map.filter((row) => row.sourceLine === source);
}

/** Where a line of the preview comes from: its own row, else that of the nearest one below (a comment stands above
 * its instruction), else the last one. */
export function sourceOf(compiled: Compiled, line: number): Row | undefined {
  return (
    compiled.map.find((row) => row.line <= line && line <= row.endLine) ??
    compiled.map.find((row) => row.line > line) ??
    compiled.map.at(-1)
  );
}
