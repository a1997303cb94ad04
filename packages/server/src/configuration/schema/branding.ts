/** How the pages look, as a configuration writes it. */

import { colorFaults } from '../../model/branding.ts'
import { type Color, parseColor, readableContrast } from '../../model/color.ts'
import * as z from '../shape/shapes.ts'
import { rule, text, webUrl } from './rule.ts'

const color = () =>
  z.string().check(
    rule(value =>
      parseColor(value)
        ? undefined
        : {
            problem: 'it is not a colour',
            expected: 'red, green and blue in hexadecimal, such as #963c1b',
            fix: 'write # and three or six hexadecimal digits',
          },
    ),
  )

/** Undefined where one of them is no colour: that is a fault of its own. */
function read<Key extends string>(
  colors: Readonly<Partial<Record<Key, string | undefined>>>,
): Readonly<Partial<Record<Key, Color>>> | undefined {
  const entries = Object.entries<string | undefined>(colors).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, parseColor(value)] as const],
  )
  if (entries.some(([, value]) => value === undefined)) return undefined
  return Object.fromEntries(entries) as Readonly<Partial<Record<Key, Color>>>
}

const readable = (colors: Readonly<Record<string, string | undefined>>) => {
  const [first] = colorFaults(read(colors) ?? {})
  if (!first) return undefined
  const { key, nearest } = first
  const page = key.startsWith('background')
  const theme = key.endsWith('_dark') ? 'dark' : 'light'
  return {
    path: [key],
    problem: page
      ? `text on it is hard to read in the ${theme} theme`
      : `it is hard to read in the ${theme} theme`,
    expected: `a contrast of at least ${readableContrast}:1 (WCAG 2.2 §1.4.3)`,
    fix: `the nearest that is readable is "${nearest}"`,
  }
}

export const brandingSchema = z
  .strictObject({
    name: text().optional().describe('What the server is called on its pages; omitted: Tessera.'),
    logo: z
      .string()
      .min(1)
      .max(2000)
      .optional()
      .describe('An https URL, or a file (svg, png, jpg, webp; relative to this file) that is served.'),
    colors: z
      .strictObject({
        accent: color().optional().describe('Of buttons and links.'),
        background: color().optional().describe('Of the page.'),
        accent_dark: color().optional().describe('accent in the dark; omitted: a readable shade of accent.'),
        background_dark: color().optional().describe('background in the dark.'),
      })
      .check(rule(colors => readable(colors)))
      .optional()
      .describe('Colours, each readable in its theme.'),
    home_url: webUrl().optional().describe('Where your product is: linked on the page at /.'),
    support_url: webUrl().optional().describe('Where people find help.'),
    terms_url: webUrl().optional().describe('The terms of service.'),
    privacy_url: webUrl().optional().describe('The privacy policy.'),
  })
  .describe('How the pages look.')

/** A client's own accent, readable on the light card and page. */
export const accentColor = () =>
  color().check(
    rule(accent => {
      const fault = readable({ accent })
      return fault && { ...fault, path: [] }
    }),
  )

export type BrandingDraft = z.output<typeof brandingSchema>

/** The colours of a draft that has no fault. */
export const colorsOf = (colors: NonNullable<BrandingDraft['colors']>) => read(colors) ?? {}
