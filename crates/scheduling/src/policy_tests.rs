use super::*;

fn spec(name: &str, parameters: &[&str]) -> PolicySpec {
    PolicySpec { name: name.to_owned(), parameters: parameters.iter().map(|&text| text.to_owned()).collect() }
}

#[test]
fn every_example_in_the_registry_builds_and_describes_itself_alike() {
    for entry in REGISTRY {
        let wanted = spec(entry.name, entry.example);
        assert_eq!(build(&wanted).unwrap().spec(), wanted);
    }
}

#[test]
fn an_unknown_name_is_told_the_known_ones() {
    let error = build(&spec("Nonesuch", &[])).err().unwrap().to_string();
    assert!(error.contains("Nonesuch") && error.contains("NoScheduler"), "{error}");
}

#[test]
fn wrong_parameters_are_told_the_right_ones() {
    for wrong in [&["perhaps"][..], &[], &["true", "true"]] {
        let error = build(&spec("NoScheduler", wrong)).err().unwrap().to_string();
        assert!(error.contains("loss"), "{error}");
    }
}
