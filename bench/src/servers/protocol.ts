/** What the bench asks of a peer's process and what it answers, over the process's own channel. */

import type { Credential } from '../rows/row.ts'

export type Ask = { readonly prepare: Credential; readonly count: number }
export type Told = { readonly port: number } | { readonly prepared: readonly string[] }

/** The process's side: says where it listens, hands out credentials, and ends with its parent. */
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
