/** Measures how long a start and a reset take: `node examples/testing/measure.js`. */

import { startTestServer } from '@tessera/server/testing'
import { provider } from './provider.js'

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

async function time(action) {
  const start = performance.now()
  const result = await action()
  return { milliseconds: performance.now() - start, result }
}

const starts = []
const resets = []
for (let left = 15; left > 0; left--) {
  const { milliseconds, result: idp } = await time(() => startTestServer(provider))
  starts.push(milliseconds)
  resets.push((await time(() => idp.reset())).milliseconds)
  await idp.close()
}
console.log(`start: ${median(starts).toFixed(0)} ms, reset: ${median(resets).toFixed(0)} ms (medians of 15)`)
