// Runs in the browser, as a file of its own: the page's Content-Security-Policy allows no script within it.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const followColorScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followColorScheme);
followColorScheme();

const ui = window.SwaggerUIBundle({
  url: "/swagger/json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  // Tokens stay in this page's memory: kept in the browser's storage they would outlive the visit.
  persistAuthorization: false,
  // Nothing is sent to the validator that Swagger UI would ask about the document.
  validatorUrl: null,
  responseInterceptor(response) {
    const { accessToken } = response.obj ?? {};
    if (response.ok && typeof accessToken === "string") ui.preauthorizeApiKey("accessToken", accessToken);
    return response;
  },
});
