import { render } from "preact";
import { Page } from "./page.js";
import { Store } from "./store.js";
import "./style.css";

const store = new Store();
const place = document.getElementById("page")!;
place.replaceChildren();
render(<Page store={store} />, place);
store.connect();
