import { defineConfig } from '@playwright/test'

export default defineConfig({
  testDir: '.',
  fullyParallel: true,
  reporter: 'line',
  expect: { timeout: 20_000 },
  // Omit this if you installed a browser with `npx playwright install`.
  use: process.env.CHROMIUM
    ? { launchOptions: { executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] } }
    : {},
})
