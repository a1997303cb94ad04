/** Reads a configuration that is a module: JavaScript, or TypeScript with erasable syntax only. */

import nodeModule from 'node:module'
import { pathToFileURL } from 'node:url'
import { describeThrown } from '../runtime/thrown.ts'
import type { Read } from './file.ts'

const ownPackages = /^@tessera\/(server|protocol)(\/|$)/
let hooked = false

/**
 * Resolves imports of our packages from here, because `@tessera/server` may not be found from a module's folder, such
 * as a mounted volume. This also prevents a second copy of the server from being loaded.
 */
function resolveImports(): void {
  if (hooked) return
  hooked = true
  nodeModule.registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, ownPackages.test(specifier) ? { ...context, parentURL: import.meta.url } : context),
  })
}

/**
 * Reads the default export, or the one named `configuration`. Calls and awaits a function. Node caches modules, so a
 * later call does not see changes to the file.
 */
export async function readModule(absolute: string, file: string): Promise<Read> {
  resolveImports()
  const { href: url } = pathToFileURL(absolute)
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
          problem: `the module failed: ${describeThrown(error).message}`,
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
  const { stack = '' } = describeThrown(error)
  const at = stack.indexOf(`${url}:`)
  if (at < 0) return undefined
  const [, line] = /:(\d+)(?::\d+)?\)?$/m.exec(stack.slice(at).split('\n')[0]!) ?? []
  return line === undefined ? undefined : `check line ${line}`
}
