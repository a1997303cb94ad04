/** How an issuer's pages look: name, logo, colors and links. */

import { black, type Color, isReadable, mix, nearestReadable, onColor, white } from './color.ts'

export type Branding = {
  readonly name?: string
  readonly logo?: Logo
  readonly colors?: BrandColors
  readonly home_url?: string
  readonly support_url?: string
  readonly terms_url?: string
  readonly privacy_url?: string
}

/** A URL, or a file that this server publishes. */
export type Logo =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'file'; readonly type: LogoType; readonly bytes: Uint8Array }

/** File extensions and media types of images that every browser supports. */
export const logoTypes = {
  svg: 'image/svg+xml',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
} as const
export type LogoType = keyof typeof logoTypes

type BrandColors = {
  readonly accent?: Color
  readonly background?: Color
  /** For the dark theme. Omitted: derived from `accent`. */
  readonly accent_dark?: Color
  readonly background_dark?: Color
}

/** The colors of a theme. */
type Palette = {
  readonly page: Color
  readonly card: Color
  readonly ink: Color
  readonly soft: Color
  readonly accent: Color
}

const themes = {
  light: {
    page: '#f5f4f1',
    card: '#ffffff',
    ink: '#1d1b18',
    soft: '#5d5850',
    accent: '#963c1b',
  },
  dark: {
    page: '#131211',
    card: '#1e1c1a',
    ink: '#f3efe8',
    soft: '#b5aea3',
    accent: '#f0a07c',
  },
} as const satisfies Record<string, Readonly<Record<keyof Palette, string>>> as unknown as {
  readonly light: Palette
  readonly dark: Palette
}

export type Theme = Palette & { readonly accentOver: Color; readonly onAccent: Color }

/** Returns both themes. An accent that is not readable in a theme is shaded until it is. */
export const themesOf = (colors: BrandColors): { readonly light: Theme; readonly dark: Theme } => ({
  light: themeOf(themes.light, colors.accent, colors.background),
  dark: themeOf(themes.dark, colors.accent_dark ?? colors.accent, colors.background_dark),
})

function themeOf(ground: Palette, accent = ground.accent, page = ground.page): Theme {
  const readable = nearestReadable(accent, [ground.card, page])
  const onAccent = onColor(readable)
  return {
    ...ground,
    page,
    accent: readable,
    // Mixed with black or white, whichever contrasts with the text on it.
    accentOver: mix(readable, onAccent === white ? black : white, 0.18),
    onAccent,
  }
}

type ColorProblem = { readonly key: keyof BrandColors; readonly nearest: Color }

/** Returns the colors that would make text unreadable, each with the nearest readable color. */
export function colorProblems(colors: BrandColors): readonly ColorProblem[] {
  const grounds = { light: themes.light, dark: themes.dark } as const
  const pairs = [
    ['light', 'accent', 'background'],
    ['dark', 'accent_dark', 'background_dark'],
  ] as const
  return pairs.flatMap(([theme, accentKey, pageKey]) => {
    const { soft, card, page: ours } = grounds[theme]
    const page = colors[pageKey] ?? ours
    const accent = colors[accentKey]
    const problems: ColorProblem[] = []
    if (!isReadable(page, [soft])) problems.push({ key: pageKey, nearest: nearestReadable(page, [soft]) })
    else if (accent && !isReadable(accent, [card, page]))
      problems.push({ key: accentKey, nearest: nearestReadable(accent, [card, page]) })
    return problems
  })
}
