/** The page of Swagger UI. `assets` is the path that its files lie under. */
export function swaggerPage(assets: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Postern</title>
    <link rel="icon" type="image/svg+xml" href="${assets}/postern.svg">
    <link rel="stylesheet" href="${assets}/swagger-ui.css">
    <link rel="stylesheet" href="${assets}/page.css">
  </head>
  <body>
    <noscript>This page needs JavaScript; the <a href="/swagger/json">OpenAPI document</a> does not.</noscript>
    <main id="swagger-ui"></main>
    <script src="${assets}/swagger-ui-bundle.js"></script>
    <script src="${assets}/start.browser.js"></script>
  </body>
</html>
`;
}
