/**
 * Starts Tessera and the application, and stops both on Ctrl-C. `node start.js tessera` and `node start.js app` start
 * one of them.
 */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

process.loadEnvFile('.env')
const only = process.argv[2]
const application = join('app', 'main.js')
const running = new Set()
let stopping = false

function start(command, argumentsOf) {
  const child = spawn(command, argumentsOf, { stdio: 'inherit' })
  running.add(child)
  child.on('error', error => {
    console.error(`${command}: ${error.message}`)
    process.exitCode = 1
  })
  child.on('close', code => {
    running.delete(child)
    if (!stopping && code !== 0) process.exitCode = code ?? 1
    stop()
  })
}

function stop() {
  stopping = true
  for (const child of running) child.kill('SIGTERM')
}

/** Resolves when Tessera accepts requests. Gives up after 30 seconds. */
async function ready() {
  const url = `http://127.0.0.1:${process.env.TESSERA_PORT}/readyz`
  for (let attempt = 0; attempt < 300 && !stopping; attempt++) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.ok) return
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  if (!stopping) throw new Error(`Tessera does not respond at ${url}`)
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop)
if (only !== 'app') {
  const tessera = join('node_modules', '.bin', process.platform === 'win32' ? 'tessera.cmd' : 'tessera')
  start(tessera, ['serve', '--config', 'tessera.jsonc'])
}
if (only !== 'tessera' && existsSync(application)) {
  await ready()
  if (!stopping) start(process.execPath, [application])
}
