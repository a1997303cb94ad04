/** How the pages look: the draft's words, and the files that it names beside the configuration. */

import { readFileSync, statSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { type Branding, type Logo, type LogoType, logoTypes } from '../model/branding.ts'
import type { Fault } from './fault.ts'
import { valueAt } from './issue.ts'
import { type BrandingDraft, colorsOf } from './schema/branding.ts'

/** Of a draft that has no fault. */
export function brandingOf({ logo, colors, ...rest }: BrandingDraft, folder: string): Branding {
  const read = logo === undefined ? undefined : readLogo(logo, folder)
  return {
    ...rest,
    ...(read && 'logo' in read && { logo: read.logo }),
    ...(colors && { colors: colorsOf(colors) }),
  }
}

type FileOutcome = { readonly logo: Logo } | { readonly fault: Omit<Fault, 'path'> }

const mostBytes = 262_144
const types = Object.keys(logoTypes).join(', ')

/** A URL stays one. */
function readLogo(value: string, folder: string): FileOutcome {
  if (/^[a-z][a-z0-9+.-]+:/i.test(value)) return { ...logoUrl(value) }
  const type = extname(value).slice(1).toLowerCase()
  const expected = `an https URL, or a picture (${types}) of at most ${mostBytes / 1024} KiB`
  if (!Object.hasOwn(logoTypes, type)) {
    return { fault: { problem: 'it is no picture', expected, fix: 'name a file that ends in one of these' } }
  }
  try {
    const bytes = readFileSync(resolve(folder, value))
    if (bytes.length <= mostBytes) {
      return { logo: { kind: 'file', type: type as LogoType, bytes: new Uint8Array(bytes) } }
    }
    return { fault: { problem: 'the file is too large', expected, fix: 'make it smaller' } }
  } catch (error) {
    const problem = `the file can't be read (${codeOf(error)})`
    return { fault: { problem, expected, fix: 'correct the path or its permissions' } }
  }
}

const logoUrl = (value: string): FileOutcome =>
  URL.canParse(value) && new URL(value).protocol === 'https:'
    ? { logo: { kind: 'url', url: value } }
    : {
        fault: {
          problem: 'it is no https URL',
          expected: 'an https URL, or a file beside the configuration',
          fix: 'write the whole address, beginning with https://, or a relative path',
        },
      }

/** Faults of the files that the keys `branding.logo` and `templates` name, of the server and of its tenants. */
export function fileFaults(input: Readonly<Record<string, unknown>>, folder: string): readonly Fault[] {
  const tenants = Array.isArray(input.tenants) ? input.tenants : []
  const owners = Array.from(tenants, (tenant: unknown, at) => [`tenants[${at}].`, tenant] as const)
  return [['', input] as const, ...owners].flatMap(([prefix, owner]) => {
    const [logo, templates] = [valueAt(owner, ['branding', 'logo']), valueAt(owner, ['templates'])]
    const read = typeof logo === 'string' && logo !== '' ? readLogo(logo, folder) : undefined
    return [
      ...(read && 'fault' in read ? [{ path: `${prefix}branding.logo`, ...read.fault }] : []),
      ...(typeof templates === 'string' && templates !== ''
        ? folderFaults(`${prefix}templates`, resolve(folder, templates))
        : []),
    ]
  })
}

function folderFaults(path: string, folder: string): readonly Fault[] {
  const expected = 'a folder with templates (NAME.eta)'
  try {
    if (statSync(folder).isDirectory()) return []
    return [{ path, problem: 'it is no folder', expected, fix: 'name the folder, not a file in it' }]
  } catch (error) {
    return [{ path, problem: `it can't be read (${codeOf(error)})`, expected, fix: 'correct the path' }]
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error'
