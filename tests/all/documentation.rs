//! The pages for people: their links lead somewhere, and every command of the README that can be checked
//! without a node names what is there.

use std::path::{Path, PathBuf};

use tests::repository;

fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![repository()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().into_string().unwrap();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".md") {
                pages.push(path);
            }
        }
    }
    pages
}

fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    let pages = pages();
    assert!(pages.len() > 5, "{pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text).filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let file = link.split('#').next().unwrap();
            assert!(page.parent().unwrap().join(file).exists(), "{} links to {link}", page.display());
        }
    }
}

/// The shell commands of a page: what stands in its fenced `sh` blocks.
fn commands(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks
        .flat_map(|block| block.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn every_make_target_of_the_pages_exists() {
    let makefile = std::fs::read_to_string(repository().join("Makefile")).unwrap();
    let mut seen = 0;
    for page in pages() {
        for command in commands(&page) {
            let Some(rest) = command.trim().strip_prefix("make ") else {
                continue;
            };
            let target = rest.split_whitespace().find(|word| !word.contains('=')).unwrap();
            assert!(makefile.contains(&format!("\n{target}:")), "{}: make {target}", page.display());
            seen += 1;
        }
    }
    assert!(seen >= 3, "the README names make up, make test and make down");
}
