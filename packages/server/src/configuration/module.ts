/** Reads a configuration that is a module: JavaScript, or TypeScript with erasable syntax only. */

import { createRequire, registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { Read } from './file.ts'

const ownPackages = /^@tessera\/(server|protocol)(\/|$)/
let hooked = false

/** Query parameter of a module that is read again. Node keeps each URL, and the memory of its module, permanently. */
const reloadParameter = 'tessera-reload'
let reloads = 0

/**
 * Resolves imports of our packages from here, because `@tessera/server` may not be found from a module's folder, such as
 * a mounted volume. This also keeps a second copy of the server out of the process. If a module is read again, so are
 * its imports, except packages.
 */
function resolveImports(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve(specifier, context, next) {
      if (ownPackages.test(specifier)) return next(specifier, { ...context, parentURL: import.meta.url })
      const found = next(specifier, context)
      const reload = reloadOf(context.parentURL)
      const kept = reload === null || !found.url.startsWith('file:') || found.url.includes('/node_modules/')
      return kept ? found : { ...found, url: withReload(found.url, reload) }
    },
  })
}

const reloadOf = (url: string | undefined): string | null =>
  url?.startsWith('file:') ? new URL(url).searchParams.get(reloadParameter) : null

function withReload(url: string, reload: string): string {
  const marked = new URL(url)
  marked.searchParams.set(reloadParameter, reload)
  return marked.href
}

/** Empties the cache of CommonJS modules, which ignores the query of a URL. */
function forgetCommonJs(): void {
  const { cache } = createRequire(import.meta.url)
  for (const path of Object.keys(cache)) if (!/[\\/]node_modules[\\/]/.test(path)) delete cache[path]
}

/** Reads the default export, or the one named `configuration`. Calls and awaits a function. */
export async function readModule(absolute: string, file: string, again: boolean): Promise<Read> {
  resolveImports()
  const { href } = pathToFileURL(absolute)
  if (again) forgetCommonJs()
  const url = again ? withReload(href, String(++reloads)) : href
  try {
    const module = (await import(url)) as Record<string, unknown>
    const exported = module.default ?? module.configuration
    if (exported !== undefined) return { ok: true, input: await produce(exported) }
  } catch (error) {
    return {
      ok: false,
      errors: [
        {
          path: file,
          problem: `the module failed: ${error instanceof Error ? error.message : String(error)}`,
          expected: 'a module that can be imported',
          fix:
            placeIn(error, url) ?? 'run it with node to see where; TypeScript must be erasable syntax only',
        },
      ],
    }
  }
  return {
    ok: false,
    errors: [
      {
        path: file,
        problem: 'the module exports no configuration',
        expected: 'a default export, or one named "configuration"',
        fix: 'write: export default defineConfig({ … })',
      },
    ],
  }
}

const produce = async (exported: unknown): Promise<unknown> =>
  typeof exported === 'function' ? await exported() : await exported

/** Returns the line of the module itself in an error's stack. */
function placeIn(error: unknown, url: string): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const at = stack.indexOf(`${url}:`)
  if (at < 0) return undefined
  const [, line] = /:(\d+)(?::\d+)?\)?$/m.exec(stack.slice(at).split('\n')[0]!) ?? []
  return line === undefined ? undefined : `look at line ${line}`
}
