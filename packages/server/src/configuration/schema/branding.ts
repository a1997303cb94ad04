/** Branding of the pages, and the files that it refers to. */

import { statSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { type Branding, colorProblems, type Logo, type LogoType, logoTypes } from '../../model/branding.ts'
import { type Color, parseColor, readableContrast } from '../../model/color.ts'
import { readRegularFile } from '../../runtime/regular-file.ts'
import { type Diagnostic, valueAt } from '../diagnostic.ts'
import * as s from '../validation/kinds.ts'
import { defined, text, webUrl } from './values.ts'

const color = () =>
  s.string().refine(value => parseColor(value) !== undefined, {
    problem: 'it is not a color',
    expected: 'red, green and blue in hexadecimal, such as #963c1b',
    fix: 'write # and three or six hexadecimal digits',
  })

/** Returns undefined if one of them is not a color, which is reported as a separate error. */
function read<Key extends string>(
  colors: Readonly<Partial<Record<Key, string | undefined>>>,
): Readonly<Partial<Record<Key, Color>>> | undefined {
  const entries = Object.entries<string | undefined>(colors).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, parseColor(value)] as const],
  )
  if (entries.some(([, value]) => value === undefined)) return undefined
  return Object.fromEntries(entries) as Readonly<Partial<Record<Key, Color>>>
}

const contrastError = (colors: Readonly<Record<string, string | undefined>>) => {
  const [first] = colorProblems(read(colors) ?? {})
  if (!first) return undefined
  const { key, nearest } = first
  const page = key.startsWith('background')
  const theme = key.endsWith('_dark') ? 'dark' : 'light'
  return {
    path: [key],
    problem: `${page ? 'text on it' : 'it'} is hard to read in the ${theme} theme`,
    expected: `a contrast of at least ${readableContrast}:1 (WCAG 2.2 §1.4.3)`,
    fix: `write "${nearest}", the nearest readable color`,
  }
}

export const brandingSchema = s
  .strictObject({
    name: text().optional().describe("The server's name on its pages. Omitted: Tessera."),
    logo: s
      .string()
      .min(1)
      .max(2000)
      .optional()
      .describe(
        'An https URL, or a file that the server publishes (svg, png, jpg, webp; relative to this file; at most 256 KiB).',
      ),
    colors: s
      .strictObject({
        accent: color().optional().describe('Color of buttons and links.'),
        background: color().optional().describe('Color of the page.'),
        accent_dark: color()
          .optional()
          .describe('accent in the dark theme. Omitted: the nearest readable shade of accent.'),
        background_dark: color().optional().describe('background in the dark theme.'),
      })
      .check(colors => contrastError(colors))
      .optional()
      .describe('Colors, each readable in its theme.'),
    home_url: webUrl()
      .optional()
      .describe(
        'Your product; linked from the page at /, which users see when they cancel at their account.',
      ),
    support_url: webUrl().optional().describe('A page where people find help.'),
    terms_url: webUrl().optional().describe('The terms of service.'),
    privacy_url: webUrl().optional().describe('The privacy policy.'),
  })
  .describe('Name, logo, colors and links of the pages.')

/** A client's own accent color, which must be readable on the light card and page. */
export const accentColor = () =>
  color().check(accent => {
    const error = contrastError({ accent })
    return error && { ...error, path: [] }
  })

type BrandingDraft = s.output<typeof brandingSchema>

/** @param folder the base folder for a relative path of a logo. */
export function brandingOf({ logo, colors, ...rest }: BrandingDraft, folder: string): Branding {
  const outcome = logo === undefined ? {} : readLogo(logo, folder)
  return defined({ ...rest, logo: outcome.logo, colors: colors && read(colors) })
}

type FileOutcome = { readonly logo?: Logo; readonly error?: Omit<Diagnostic, 'path'> }

const mostBytes = 262_144
const types = Object.keys(logoTypes).join(', ')

/** Reads a file; keeps a URL as it is. */
function readLogo(value: string, folder: string): FileOutcome {
  if (/^[a-z][a-z0-9+.-]+:/i.test(value)) return logoUrl(value)
  const type = extname(value).slice(1).toLowerCase()
  const expected = `an https URL, or an image (${types}) of at most ${mostBytes / 1024} KiB`
  if (!Object.hasOwn(logoTypes, type)) {
    return {
      error: {
        problem: 'it is not a supported image type',
        expected,
        fix: 'use a file of one of these types',
      },
    }
  }
  const reading = readRegularFile(resolve(folder, value), mostBytes)
  return reading.ok
    ? { logo: { kind: 'file', type: type as LogoType, bytes: new Uint8Array(reading.bytes) } }
    : { error: { problem: reading.problem, expected, fix: reading.fix } }
}

const logoUrl = (value: string): FileOutcome =>
  URL.canParse(value) && new URL(value).protocol === 'https:'
    ? { logo: { kind: 'url', url: value } }
    : {
        error: {
          problem: 'it is not an https URL',
          expected: 'an https URL, or a path relative to the configuration',
          fix: 'write the full URL, starting with https://, or a relative path',
        },
      }

/** Returns the errors of the files that `branding.logo` and `templates` name, for the server and its tenants. */
export function fileErrors(input: Readonly<Record<string, unknown>>, folder: string): readonly Diagnostic[] {
  const tenants = Array.isArray(input.tenants) ? input.tenants : []
  const owners = Array.from(tenants, (tenant: unknown, at) => [`tenants[${at}].`, tenant] as const)
  return [['', input] as const, ...owners].flatMap(([prefix, owner]) => {
    const [logo, templates] = [valueAt(owner, ['branding', 'logo']), valueAt(owner, ['templates'])]
    const { error } = typeof logo === 'string' && logo !== '' ? readLogo(logo, folder) : {}
    return [
      ...(error ? [{ path: `${prefix}branding.logo`, ...error }] : []),
      ...(typeof templates === 'string' && templates !== ''
        ? folderErrors(`${prefix}templates`, resolve(folder, templates))
        : []),
    ]
  })
}

function folderErrors(path: string, folder: string): readonly Diagnostic[] {
  const expected = 'a folder with templates (NAME.eta)'
  try {
    if (statSync(folder).isDirectory()) return []
    return [
      {
        path,
        problem: 'it is not a folder',
        expected,
        fix: 'write the path of the folder, not of a file in it',
      },
    ]
  } catch (error) {
    return [{ path, problem: `it can't be read (${codeOf(error)})`, expected, fix: 'correct the path' }]
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error'
