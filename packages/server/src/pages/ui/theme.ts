/** The theme of the pages: a stylesheet for each configured accent color, the logo, and the links on every page. */

import { readFileSync } from 'node:fs'
import type { Route } from '@tessera/protocol/http'
import { type Branding, type Logo, logoTypes, type Theme, themesOf } from '../../model/branding.ts'
import type { Color } from '../../model/color.ts'
import { type Asset, type AssetPath, createAsset } from './asset.ts'

export type PageTheme = {
  readonly name?: string
  /** A web URL, or a path of this server. */
  readonly logo?: string
  /** The operator's product. */
  readonly home_url?: string
  readonly support_url?: string
  readonly terms_url?: string
  readonly privacy_url?: string
  /** The path of the stylesheet. */
  readonly stylesheet: (accent?: Color) => string
  readonly routes: readonly Route[]
}

type PageThemePorts = {
  readonly branding: Branding
  /** The accent colors of clients, besides the server's own. */
  readonly accents: Iterable<Color>
  readonly paths: (path: AssetPath) => string
}

export function createPageTheme({ branding, accents, paths }: PageThemePorts): PageTheme {
  const { logo, colors = {}, ...words } = branding
  const css = readCss()
  const sheet = (accent?: Color): Asset => {
    const { accent_dark, ...own } = colors
    const { light, dark } = themesOf(accent === undefined ? colors : { ...own, accent })
    return createAsset('tessera', 'css', 'text/css; charset=utf-8', themeCss(light, dark) + css)
  }
  const usual = sheet()
  const ofAccent = new Map([...accents].map(accent => [accent, sheet(accent)]))
  const file = logo?.kind === 'file' ? logoAsset(logo) : undefined
  const shown = logo?.kind === 'url' ? logo.url : file && paths(file.path)
  const assets = new Map([usual, ...ofAccent.values(), ...(file ? [file] : [])].map(one => [one.path, one]))
  return {
    ...words,
    logo: shown,
    stylesheet: accent => paths(((accent && ofAccent.get(accent)) ?? usual).path),
    routes: [...assets.values()].map(({ route }) => route),
  }
}

/** Returns the stylesheet of pages without branding. */
export const pageStyle = (): string => {
  const { light, dark } = themesOf({})
  return themeCss(light, dark) + readCss()
}

const readCss = (): string => readFileSync(new URL('./tessera.css', import.meta.url), 'utf8')

/** The policy blocks scripts in an SVG file that is opened directly. */
const logoAsset = ({ type, bytes }: Logo & { readonly kind: 'file' }): Asset =>
  createAsset('logo', type, logoTypes[type], bytes, {
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  })

const themeCss = (light: Theme, dark: Theme): string =>
  `:root{${variables(light)}}@media (prefers-color-scheme:dark){:root{${variables(dark)}}}\n`

const variables = ({ page, card, ink, soft, accent, accentOver, onAccent }: Theme): string =>
  Object.entries({ page, card, ink, soft, accent, 'accent-over': accentOver, 'on-accent': onAccent })
    .map(([name, color]) => `--${name}:${color}`)
    .join(';')
