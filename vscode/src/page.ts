/** The page of `imgc graph --format html`, made fit for a webview: a policy that lets only its own parts run, the
 * editor's colours, and a script that talks to the extension. It loads nothing, from nowhere. */
export function embed(page: string, nonce: string, style: string, script: string): string {
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'`;
  const own = `<style nonce="${nonce}">${style}</style>\n<script nonce="${nonce}">${script}</script>\n`;
  return page
    .replace(/(<meta http-equiv="Content-Security-Policy" content=")[^"]*(">)/, (_, before: string, after: string) => before + policy + after)
    .replaceAll("\n<style>", `\n<style nonce="${nonce}">`)
    .replaceAll("\n<script>", `\n<script nonce="${nonce}">`)
    .replace("</body>\n</html>", () => `${own}</body>\n</html>`);
}
