/** `npm run bench`: measures Tessera and other servers in turn on one pinned core, with the load on another. */

import { writeFileSync } from 'node:fs'
import { machineHere } from './machine.ts'
import { options, plan } from './options.ts'
import { type PartName, parts } from './parts.ts'
import { publishPlans } from './postgres/plans/publish.ts'
import { printHead } from './results/print.ts'
import { publish, readPublished, render } from './results/publish.ts'
import type { Found, Results } from './results/results.ts'
import { candidates } from './servers/candidates.ts'
import { pinLoad } from './servers/cores.ts'
import { loadVersions, measureVersions } from './versions.ts'

if (options.render) render(readPublished())
else if (options.plans) await publishPlans()
else if (options.before !== undefined) await compareVersions(options.before.split(','))
else await run()

async function compareVersions(folders: readonly string[]): Promise<void> {
  const machine = machineHere()
  const versions = await loadVersions(folders)
  pinLoad()
  printHead(machine, plan)
  keep({
    format: 1,
    measured: new Date().toISOString().slice(0, 10),
    machine,
    plan,
    servers: [],
    ...(await measureVersions(versions, plan, options.only)),
  })
}

async function run(): Promise<void> {
  if (options.publish && options.only) throw new Error('what is published is whole: without --only')
  const machine = machineHere()
  pinLoad()
  printHead(machine, plan)
  let found: Found = {}
  for (const name of chosenParts()) {
    const before = performance.now()
    found = { ...found, ...(await parts[name](plan, options.only)) }
    console.log(`\n${name}: ${((performance.now() - before) / 1000).toFixed(0)} s`)
    // After each part, so that its results are kept if a later part fails.
    keep({
      ...{ format: 1, measured: new Date().toISOString().slice(0, 10), machine, plan },
      servers: candidates.map(({ name, note }) => ({ name, note })),
      ...found,
    })
  }
}

function keep(results: Results): void {
  if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)
  if (options.publish) publish(results)
}

function chosenParts(): readonly PartName[] {
  const names = Object.keys(parts) as PartName[]
  if (options.soak) return ['soak']
  if (options.part === undefined)
    return names.filter(name => name !== 'soak' && !(options.quick && name === 'curves'))
  const chosen = options.part.split(',')
  const unknown = chosen.find(name => !names.includes(name as PartName))
  if (unknown) throw new Error(`there is no part ${unknown}: ${names.join(', ')}`)
  return chosen as PartName[]
}
