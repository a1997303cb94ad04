import { createTessera, loadConfiguration } from '@tessera/server'

/**
 * Created with the first request, because `next build` loads route modules too. In development Next loads them again
 * after each change, so the server is kept in `globalThis`.
 */
export function tessera() {
  globalThis.tessera ??= create().catch(error => {
    globalThis.tessera = undefined // the next request tries again
    throw error
  })
  return globalThis.tessera
}

async function create() {
  const loaded = await loadConfiguration({ file: 'tessera.jsonc', environment: process.env })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors, null, 2))
  const created = await createTessera(loaded.configuration, { log: console })
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => created.close())
  return created
}
