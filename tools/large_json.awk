# Prints a COCO annotation file of about `target` bytes: awk -v target=500000000 -f large_json.awk
# Proportions as in COCO's own training file: about eight objects an image, each with a polygon.
function emit(text)
{
    printf "%s", text
    bytes += length(text)
}
BEGIN {
    n_images = int(target / 4250)
    emit("{\"info\":{\"year\":2017},\"categories\":[")
    for (i = 1; i <= 90; i++)
        emit((i > 1 ? "," : "") "{\"id\":" i ",\"name\":\"class " i "\"}")
    emit("],\"images\":[")
    for (i = 1; i <= n_images; i++) {
        name = sprintf("%012d.jpg", i)
        emit((i > 1 ? ",\n" : "\n") "{\"license\":3,\"file_name\":\"" name \
            "\",\"height\":480,\"width\":640,\"id\":" i * 5 "}")
    }
    emit("],\"annotations\":[")
    for (n = 0; n < 32; n++) { # corners of one outline, moved for each object
        dx[n] = int(4000 * cos(n * 0.19634954) + 4000) / 100
        dy[n] = int(3000 * sin(n * 0.19634954) + 3000) / 100
    }
    for (i = 1; bytes < target; i++) {
        x = (i * 7) % 500
        y = (i * 13) % 400
        outline = ""
        for (n = 0; n < 32; n++) outline = outline (n ? "," : "") x + dx[n] "," y + dy[n]
        emit((i > 1 ? ",\n" : "\n") "{\"segmentation\":[[" outline "]],\"area\":3744.5," \
            "\"iscrowd\":0,\"image_id\":" (i % n_images + 1) * 5 ",\"bbox\":[" x "," y ",80,60]," \
            "\"category_id\":" i % 90 + 1 ",\"id\":" i "}")
    }
    emit("]}\n")
}
