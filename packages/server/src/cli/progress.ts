/** Shows the progress of long work on standard error, apart from the results. */

type Archives = typeof import('../app/archives.ts')
type Report = Parameters<Archives['exportStores']>[2]['report']

const width = 24
/** Milliseconds between two updates. */
const interval = 100

/** Returns a progress bar at a terminal, and elsewhere a line for each finished table. */
export function showProgress(): Report {
  const { stderr } = process
  let drawnAt = 0
  return ({ tenant, table, done, of }) => {
    const what = tenant === undefined ? table : `${tenant}/${table}`
    const finished = done >= of
    if (!stderr.isTTY) {
      if (finished) stderr.write(`${what}: ${done}\n`)
      return
    }
    const now = Date.now()
    if (!finished && now - drawnAt < interval) return
    drawnAt = now
    const share = of === 0 ? 1 : Math.min(1, done / of)
    const bar = '#'.repeat(Math.round(share * width)).padEnd(width, '.')
    stderr.write(`\r\u001b[K${bar} ${Math.floor(share * 100)} % ${what} ${done}/${of}${finished ? '\n' : ''}`)
  }
}
