/** The messages between the bench and a peer's process, over the process's own channel. */

import type { Credential } from '../rows/row.ts'

export type Ask = { readonly prepare: Credential; readonly count: number }
export type Told = { readonly port: number } | { readonly prepared: readonly string[] }

/** The process's side: reports where it listens, returns credentials, and ends with its parent. */
export function answerBench(port: number, make: (kind: Credential) => Promise<string> | string): void {
  const tell = (told: Told): void => void process.send?.(told)
  process.on('message', async ({ prepare, count }: Ask) => {
    const prepared: string[] = []
    while (prepared.length < count) prepared.push(await make(prepare))
    tell({ prepared })
  })
  process.on('disconnect', () => process.exit(0))
  tell({ port })
}
