/** What the bench tells a server's process and what it answers, over the process's own channel. */

/** What a server must have ready before the load starts. */
export type Preparation = {
  readonly kind: 'codes' | 'refresh_tokens' | 'opaque_token'
  readonly count: number
}

export type ServerMessage =
  | { readonly ready: string }
  | { readonly prepared: readonly string[] }
  | { readonly used: { readonly cpuSeconds: number; readonly rss: number } }

export type BenchMessage = { readonly prepare: Preparation } | { readonly measure: true }

/** Answers the bench's questions; `prepare` is the server's own. */
export function serveBench(
  url: string,
  prepare: (preparation: Preparation) => Promise<readonly string[]>,
): void {
  const send = (message: ServerMessage): void => {
    process.send?.(message)
  }
  process.on('message', async (message: BenchMessage) => {
    if ('prepare' in message) return send({ prepared: await prepare(message.prepare) })
    const { user, system } = process.cpuUsage()
    send({ used: { cpuSeconds: (user + system) / 1e6, rss: process.memoryUsage.rss() } })
  })
  process.on('disconnect', () => process.exit(0))
  send({ ready: url })
}

/** The same for both servers, so that both do the same work. */
export const parties = {
  machine: { client_id: 'machine', client_secret: 'machine-secret' },
  machineRs256: { client_id: 'machine-rs256', client_secret: 'machine-secret' },
  web: { client_id: 'web', client_secret: 'web-secret', redirect_uri: 'https://app.example/cb' },
  verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
} as const
