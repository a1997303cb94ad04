/** The messages between the bench and a peer's process, over the process's own channel. */

import type { Credential } from '../rows/row.ts'

export type Ask = { readonly prepare: Credential; readonly count: number }
export type PeerMessage = { readonly port: number } | { readonly prepared: readonly string[] }

/** The process's side: reports where it listens, returns credentials, and ends with its parent. */
export function answerBench(port: number, make: (kind: Credential) => Promise<string> | string): void {
  const send = (message: PeerMessage): void => void process.send?.(message)
  process.on('message', async ({ prepare, count }: Ask) => {
    const prepared: string[] = []
    while (prepared.length < count) prepared.push(await make(prepare))
    send({ prepared })
  })
  process.on('disconnect', () => process.exit(0))
  send({ port })
}
