// The operators' list of incidents, live. It shows what central has committed; its own clock only formats times.

const $ = (id) => document.getElementById(id);
const time = new Intl.DateTimeFormat("es-AR", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const STATES = { open: "abierto", sounding: "sonando", acknowledged: "reconocido", closed: "cerrado" };
const CLASSES = {
  general: "Alerta general", medical: "Emergencia médica", gender_violence: "Violencia de género",
  bicycle_theft: "Robo de bicicleta", fire: "Incendio",
};
const KINDS = {
  opened: "alerta", joined: "se suma", commanded: "comando", accepted: "recibido", sounding: "suena", stopped: "calla",
  refused: "rechaza", "failed to sound": "no suena", attention: "atención", expired: "sin respuesta", unknown: "sin confirmar", stop: "silenciar", sms: "por SMS",
  acknowledged: "reconocido", closed: "cerrado", event: "aviso",
};
// Entries are data in English; these are the words for the people in the room.
const WORDS = [
  // What centers tell by themselves, whole; the single words further down must not take them apart.
  [/panic fob, fixed code \(low assurance\)/, "llavero de pánico, código fijo (baja confianza)"], [/panic fob/, "llavero de pánico"],
  [/silent fob, fixed code \(low assurance\)/, "llavero silencioso, código fijo (baja confianza)"], [/silent fob/, "llavero silencioso"],
  [/low assurance \(fixed code\): operators first, no center is commanded/, "baja confianza (código fijo): primero los operadores, no se manda nada a las centrales"],
  [/, slot (\d+)/, ", n.º $1"], [/, at least (\d+) s ago/, ", hace al menos $1 s"],
  [/sounding, local order/, "suena por orden del barrio"], [/stopped, local order/, "en silencio por orden del barrio"],
  [/sounding without a command/, "suena sin que nadie lo pida"], [/siren relay stuck, power path cut/, "relé de la sirena pegado, alimentación cortada"],
  [/current flows, but the microphone hears no siren/, "hay corriente, pero el micrófono no oye la sirena"],
  [/mains lost/, "se cortó la luz"], [/mains back/, "volvió la luz"], [/battery low/, "batería baja"], [/battery recovered/, "batería recuperada"],
  [/charger fault/, "falla del cargador"], [/cabinet closed/, "gabinete cerrado"], [/output driver fault/, "falla en una salida"],
  [/output driver recovered/, "salida recuperada"], [/: motion/, ": movimiento"], [/program updated/, "programa actualizado"],
  [/messages gave way to more important ones/, "descartó avisos para dar lugar a otros más importantes"],
  [/every center of the gateway is silent \((\d+)\)/, "todas sus centrales están en silencio ($1)"],
  [/every center of the gateway is silent/, "todas sus centrales están en silencio"],
  [/some centers did not prove that they stopped \((\d+)\)/, "$1 centrales no confirmaron que callaron"],
  [/some centers did not prove that they stopped/, "hay centrales que no confirmaron que callaron"],
  [/the gateway sounds its centers itself: operators first, no center is commanded/, "la pasarela hace sonar sus centrales: primero los operadores, no se manda nada"],
  [/^gateway (\d+): /, "pasarela $1: "], [/, by SMS/, ", por SMS"], [/, received after (\d+) s/, ", llegó $1 s después"], [/ after (\d+) s/, " $1 s después"],
  [/(C\d+) is commanded by SMS too/, "a $1 se le manda también por SMS"], [/(G\d+) is told by SMS to stop its group/, "a $1 se le pide por SMS que calle a su grupo"],
  [/: the broker is not connected/, ": no hay conexión con el broker"], [/: its connection broke/, ": se le cortó la conexión"],
  [/: it does not listen at the broker/, ": no está escuchando en el broker"], [/: nothing was heard from it for (\d+) s/, ": hace $1 s que no se sabe nada de ella"],
  [/; its own button already did/, "; su propio botón ya lo hizo"], [/: group (\d+) has no center/, ": el grupo $1 no tiene centrales"],
  [/: class /, ": "], [/: fire /, ": incendio "], [/: medical /, ": emergencia médica "], [/: gender_violence /, ": violencia de género "],
  [/: bicycle_theft /, ": robo de bicicleta "],
  [/^founded$/, "real"], [/^unfounded$/, "sin fundamento"], [/^mistake$/, "error"], [/^misuse$/, "mal uso"], [/^test$/, "prueba"], [/^duress$/, "bajo amenaza"],
  [/program update failed/, "falló la actualización del programa"], [/vault erased/, "memoria borrada"],
  [/^center (\d+): /, "central $1: "], [/; center (\d+)/g, "; central $1"], [/refused: not synchronised/, "recién arranca, se reintenta"],
  [/refused: stale/, "rechaza: vencido"], [/refused: from the future/, "rechaza: del futuro"],
  [/refused: too old for the window/, "rechaza: contador viejo"], [/refused: class may not sound/, "rechaza: ese tipo no puede sonar"],
  [/refused: budget spent/, "rechaza: cupo agotado"], [/refused: wrong addressee/, "rechaza: no es para ella"], [/refused/, "rechaza"],
  [/failed to sound/, "no suena"], [/accepted/, "recibido"], [/sounding/, "suena"], [/stopped/, "en silencio"],
  [/siren\b/g, "sirena"], [/strobe/g, "estrobo"], [/floodlight/g, "reflector"], [/indicator/g, "indicador"], [/ for (\d+) s/, " por $1 s"],
  [/counter (\d+)/, "contador $1"], [/^alert /, "alerta "], [/ at home/, " en su casa"], [/ away from home/, " fuera de su casa"],
  [/moves nothing/, "no mueve nada"], [/operators only/g, "solo operadores"], [/waits for the center's first hello/, "espera que la central salude"],
  [/deadline passed: nobody acknowledged/, "se venció el plazo: nadie reconoció"],
  [/deadline passed: nothing sounded and nobody acknowledged/, "se venció el plazo: nada sonó y nadie reconoció"],
  [/(\d+) centers are told to be silent/, "orden de silencio a $1 centrales"], [/did not answer/, "no respondió"], [/did not say that it stopped/, "no dijo si calló"],
  [/never said hello/, "nunca saludó"], [/: anew after its start/, ": otra vez, recién arrancó"], [/: anew, it did not answer before/, ": otra vez, no había respondido"],
  [/: anew/, ": otra vez"], [/could not be sealed/, "no se pudo firmar"], [/silent button/, "botón silencioso"], [/cabinet opened/, "gabinete abierto"],
  [/no group for this alert/, "sin grupo para esta alerta"], [/is silent: nothing loud is sent/, "es silenciosa: no suena nada"], [/ s old: /, " s de demora: "],
  [/, (\d+) s ago/, ", hace $1 s"], [/joins/, "se suma"], [/panic button/, "botón de pánico"],
];
const ACTORS = [[/^central$/, "sistema"], [/^app$/, "teléfono"], [/^button$/, "botón"], [/^fob$/, "llavero"], [/^gateway$/, "pasarela"], [/^operator /, "operador "]];
const spanish = (text, words) => words.reduce((said, [english, word]) => said.replace(english, word), text);
const SILENT = new Set(["gender_violence"]);
const RETRY_MS = 2000;
const FLEET_MS = 30000;

let incidents = [];
let chosen = null;
let feed = null;

const stamp = (seconds) => time.format(new Date(seconds * 1000));
const title = (incident) => CLASSES[incident.class] ?? incident.class;

async function call(method, path, body) {
  const init = { method, headers: body ? { "Content-Type": "application/json" } : {} };
  if (body) init.body = JSON.stringify(body);
  const response = await fetch(path, init);
  if (response.status === 401 || response.status === 403) { leaveRoom(); throw new Error("Entrá de nuevo con tu clave."); }
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer?.error?.message ?? `Error ${response.status}`);
  return answer;
}

function urgency(incident) {
  if (incident.state === "closed") return 3;
  if (SILENT.has(incident.class)) return 0; // Nobody in the street hears these: they come first.
  return incident.state === "acknowledged" ? 2 : 1;
}

function drawList() {
  incidents.sort((a, b) => urgency(a) - urgency(b) || b.opened - a.opened);
  $("empty").hidden = incidents.length > 0;
  // The list is drawn anew; whoever walks it with the keyboard stays where they were.
  const focused = document.activeElement?.dataset?.id;
  $("list").replaceChildren(...incidents.map((incident) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.id = incident.id;
    button.dataset.state = incident.state;
    button.dataset.silent = SILENT.has(incident.class);
    button.dataset.attention = incident.attention && incident.state !== "closed";
    button.setAttribute("aria-current", incident.id === chosen);
    const name = document.createElement("span");
    name.textContent = title(incident) + (SILENT.has(incident.class) ? " · silenciosa" : "");
    const state = document.createElement("span");
    state.className = "state";
    state.textContent = STATES[incident.state] ?? incident.state;
    const small = document.createElement("small");
    const where = incident.group === null ? "sin grupo" : `grupo ${incident.group}`;
    const heard = incident.centers_commanded
      ? `${incident.centers_sounded} de ${incident.centers_commanded} centrales sonaron` : "no se envió nada a las centrales";
    const presses = incident.presses > 1 ? ` · ${incident.presses} alertas` : "";
    small.textContent = `${stamp(incident.opened)} · ${where} · ${heard}${presses}`;
    button.append(name, state, small);
    button.addEventListener("click", () => choose(incident.id, true));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  if (focused) $("list").querySelector(`[data-id="${focused}"]`)?.focus();
  const late = incidents.filter((incident) => incident.attention && incident.state !== "closed" && incident.state !== "acknowledged");
  $("attention").hidden = late.length === 0;
  $("attention").textContent = late.length === 1
    ? `Nadie reconoció a tiempo: ${title(late[0])}, ${stamp(late[0].opened)}. Atendelo ya.`
    : `Nadie reconoció a tiempo ${late.length} incidentes. Atendelos ya.`;
}

async function choose(id, focus) {
  chosen = id;
  const incident = await call("GET", `/v1/incidents/${id}`);
  if (chosen !== id) return;
  $("detail").hidden = false;
  $("detail-title").textContent = `${title(incident)} · ${STATES[incident.state] ?? incident.state}`;
  const alerts = incident.alerts.length === 1 ? "1 alerta" : `${incident.alerts.length} alertas`;
  const place = incident.alerts.find((alert) => alert.lat !== null);
  const at = place ? ` · ${place.lat.toFixed(5)}, ${place.lon.toFixed(5)} (± ${Math.round(place.accuracy_m)} m)` : "";
  const doubt = incident.alerts.some((alert) => alert.low_assurance) ? " · llavero de código fijo: baja confianza" : "";
  $("facts").textContent = `N.º ${incident.id} · ${alerts} · ${incident.centers_answered} de ${incident.centers_commanded} centrales respondieron${at}${doubt}`;
  $("acknowledge").disabled = !["open", "sounding"].includes(incident.state);
  $("close").disabled = incident.state === "closed";
  $("stop").disabled = incident.centers_commanded === 0;
  $("timeline").replaceChildren(...incident.timeline.map((entry) => {
    const item = document.createElement("li");
    const when = document.createElement("time");
    when.textContent = stamp(entry.at);
    const kind = document.createElement("strong");
    kind.textContent = KINDS[entry.kind] ?? entry.kind;
    const text = document.createElement("span");
    text.textContent = [spanish(entry.actor, ACTORS), spanish(entry.text, WORDS)].filter(Boolean).join(": ");
    item.append(when, kind, text);
    return item;
  }));
  for (const button of $("list").querySelectorAll("button")) button.removeAttribute("aria-current");
  drawList();
  if (focus) $("detail-title").focus();
}

async function act(verb, body, done) {
  if (!chosen) return;
  try {
    await call("POST", `/v1/incidents/${chosen}/${verb}`, body);
    $("said").textContent = done;
  } catch (error) {
    $("said").textContent = `No se pudo: ${error.message}`;
  }
  await refresh();
}

let refreshing = null;
let again = false;
async function refresh() {
  // Many entries may arrive at once; one request is on its way at a time, and one follows if something came meanwhile.
  if (refreshing) { again = true; return refreshing; }
  refreshing = (async () => {
    do {
      again = false;
      incidents = (await call("GET", "/v1/incidents")).incidents;
      drawList();
      if (chosen) await choose(chosen, false);
    } while (again);
  })().finally(() => { refreshing = null; });
  return refreshing;
}

// What is one fault of many, a line each.
async function lookAtFleet() {
  const { centers, gateways, blackouts } = await call("GET", "/v1/centers");
  const name = (group) => centers.find((center) => center.group === Number(group))?.group_name ?? `grupo ${group}`;
  const silent = gateways.filter((gateway) => gateway.silent).map(({ gateway }) => {
    const behind = centers.filter((center) => center.behind === gateway).length;
    return `Sin noticias de la pasarela ${gateway}: no se sabe cómo ${behind === 1 ? "está su central" : `están sus ${behind} centrales`}, puede que no `
      + `${behind === 1 ? "suene" : "suenen"}. Avisá al técnico.`;
  });
  const dark = blackouts.map(({ centers: count, first_s_ago, groups, batteries: [first] }) => {
    const where = Object.entries(groups).map(([group, some]) => `${name(group)} (${some})`).join(", ");
    const last = first.hours === null ? "No se sabe cuánto les dura la batería."
      : `La primera en quedarse sin batería es ${first.center}, en unas ${Math.round(first.hours)} h.`;
    return `Corte de luz en ${count} centrales: ${where}, desde hace ${Math.round(first_s_ago / 60)} min. ${last}`;
  });
  $("fleet").hidden = silent.length + dark.length === 0;
  $("fleet").textContent = [...silent, ...dark].join("\n");
}

function linked(on) {
  $("link").hidden = false;
  $("link").dataset.state = on ? "on" : "off";
  $("link").textContent = on ? "En vivo" : "Sin conexión: lo que ves puede ser viejo";
}

function watch() {
  feed?.close();
  feed = new EventSource("/v1/feed");
  feed.addEventListener("open", () => { linked(true); refresh().catch(() => linked(false)); });
  feed.addEventListener("entry", () => refresh().catch(() => linked(false)));
  feed.addEventListener("error", () => {
    linked(false);
    if (feed.readyState === EventSource.CLOSED && !$("room").hidden) setTimeout(watch, RETRY_MS);
  });
}

function leaveRoom() {
  feed?.close();
  $("room").hidden = true;
  $("leave").hidden = true;
  $("link").hidden = true;
  $("login").hidden = false;
  $("token").focus();
}

async function enterRoom() {
  await refresh();
  $("login").hidden = true;
  $("room").hidden = false;
  $("leave").hidden = false;
  watch();
  lookAtFleet().catch(() => linked(false));
}

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("login-error").textContent = "";
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: $("token").value }) };
  try {
    const response = await fetch("/v1/session", init);
    if (!response.ok) { $("login-error").textContent = "Esa clave no es de operador. Revisala y probá de nuevo."; return; }
    $("token").value = "";
    await enterRoom();
  } catch {
    $("login-error").textContent = "No hay conexión con el servicio. Probá de nuevo.";
  }
});
$("leave").addEventListener("click", async () => { await call("DELETE", "/v1/session"); leaveRoom(); });
$("acknowledge").addEventListener("click", () => act("acknowledge", null, "Lo tenés vos."));
$("stop").addEventListener("click", () => act("stop", null, "Orden de silencio enviada: mirá abajo qué central calló."));
$("close").addEventListener("click", () => act("close", { disposition: $("disposition").value }, "Cerrado."));
setInterval(() => { if (!$("room").hidden) lookAtFleet().catch(() => linked(false)); }, FLEET_MS);
setInterval(() => { $("clock").textContent = time.format(new Date()); }, 1000);
enterRoom().catch(() => leaveRoom());
