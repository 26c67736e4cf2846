/** How often a server that dies is started again: a few times in a while, then never until the user says so. */
export class RestartGuard {
  private deaths: number[] = [];

  constructor(
    readonly limit = 4,
    readonly window = 180_000,
    private readonly clock: () => number = Date.now,
  ) {}

  /** Takes note of a death; whether to start again. */
  mayRestart(): boolean {
    const now = this.clock();
    this.deaths = [...this.deaths.filter((then) => now - then < this.window), now];
    return this.deaths.length <= this.limit;
  }

  reset(): void {
    this.deaths = [];
  }
}
