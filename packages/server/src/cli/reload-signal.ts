/** How an operator lets a server read its configuration anew. */

import { closeSync, openSync } from 'node:fs'

/**
 * From now on SIGHUP waits for what the answer is given, and has it run: once for all that come while it runs. Where it
 * says that the terminal is gone in which the server was started, it ends the server.
 */
export function reloadSignal(): (reload: () => Promise<unknown>) => void {
  let reload: (() => Promise<unknown>) | undefined
  let asked = false
  let underWay = false
  const interactive = process.stdout.isTTY

  const run = async (): Promise<void> => {
    if (!reload || underWay) return
    underWay = true
    while (asked) {
      asked = false
      await reload()
    }
    underWay = false
  }

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
