/** Reloads the configuration on SIGHUP. */

import { closeSync, openSync } from 'node:fs'
import { singleFlight } from '../runtime/async/promises.ts'

/**
 * Listens for SIGHUP, and returns a function that sets the handler. Signals that arrive earlier are handled then, and
 * signals that arrive during a run cause one more run. If the terminal of the server was closed, SIGHUP ends the
 * server.
 */
export function reloadSignal(): (reload: () => Promise<unknown>) => void {
  let reload: (() => Promise<unknown>) | undefined
  let asked = false
  const interactive = process.stdout.isTTY

  const run = singleFlight(async (): Promise<void> => {
    while (asked && reload) {
      asked = false
      await reload()
    }
  })

  process.on('SIGHUP', () => {
    if (interactive && !hasTerminal()) return void process.kill(process.pid, 'SIGTERM')
    asked = true
    void run()
  })
  return given => {
    reload = given
    void run()
  }
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}
