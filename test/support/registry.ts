/**
 * A registry of npm packages on a loopback port. It serves what is installed here, so that `npm install` in another
 * folder needs no network.
 */

import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { tarOf } from './tar.ts'

type Manifest = {
  readonly name: string
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** Maps names to versions, and versions to their folders. */
type Packages = Map<string, Map<string, string>>

/**
 * Serves what the packages in these folders depend on, for production.
 * @param more Names of other packages to serve, with what they depend on; each is found from the first folder.
 */
export async function startRegistry(folders: readonly string[], more: readonly string[] = []) {
  const packages: Packages = new Map()
  for (const folder of folders) addDependencies(folder, packages)
  for (const name of more) addPackage(name, folders[0]!, packages)
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1)
    const [name = '', file] = path.split('/-/')
    const versions = packages.get(name)
    const folder = file && versions?.get(versionIn(file, name))
    if (folder) response.end(await tarOf(folder))
    else if (versions && !file) response.end(JSON.stringify(packument(name, versions)))
    else response.writeHead(404).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return {
    url,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }

  function packument(name: string, versions: ReadonlyMap<string, string>): object {
    const manifests = [...versions].map(([version, folder]) => {
      const tarball = `${url}${name}/-/${fileName(name, version)}`
      return [version, { ...manifestOf(folder), dist: { tarball } }]
    })
    return {
      name,
      'dist-tags': { latest: [...versions.keys()].at(-1) },
      versions: Object.fromEntries(manifests),
    }
  }
}

const fileName = (name: string, version: string): string => `${name.split('/').at(-1)}-${version}.tgz`

const versionIn = (file: string, name: string): string =>
  file.slice(`${name.split('/').at(-1)}-`.length, -'.tgz'.length)

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

function addDependencies(folder: string, packages: Packages): void {
  const { dependencies, optionalDependencies } = manifestOf(folder)
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies }))
    addPackage(name, folder, packages)
}

function addPackage(name: string, from: string, packages: Packages): void {
  const found = findPackage(name, from)
  // Optional ones of other platforms are not installed.
  if (found === undefined) return
  const { version } = manifestOf(found)
  const versions = packages.get(name) ?? new Map<string, string>()
  packages.set(name, versions)
  if (versions.has(version)) return
  versions.set(version, found)
  addDependencies(found, packages)
}

/** Searches the folder and those above it, as Node does. */
function findPackage(name: string, folder: string): string | undefined {
  const found = join(folder, 'node_modules', name)
  if (existsSync(join(found, 'package.json'))) return found
  const above = dirname(folder)
  return above === folder ? undefined : findPackage(name, above)
}
